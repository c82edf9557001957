#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { MeanderError } from "../base/index.ts";
import { packageVersion } from "../client/index.ts";
import { addChannels } from "./channels.ts";
import { addConfig } from "./config.ts";
import { addDemo } from "./demo.ts";
import { addDoctor } from "./doctor.ts";
import { addLog } from "./log.ts";
import { addPlay } from "./play.ts";
import { addPolicy } from "./policy.ts";
import { addPublish } from "./publish.ts";
import { addRecord } from "./record.ts";
import { addRestart } from "./restart.ts";
import { addRun } from "./run.ts";
import { ScriptError } from "./script-error.ts";
import { addSim } from "./sim.ts";
import { addSite } from "./site.ts";
import { addSites } from "./sites.ts";
import { addStats } from "./stats.ts";
import { addStatus } from "./status.ts";
import { addStop } from "./stop.ts";
import { addStream } from "./stream/stream.ts";
import { addStreams } from "./streams.ts";
import { printError } from "./terminal.ts";
import { addToken } from "./token.ts";
import { addTop } from "./top/top.ts";
import { addTrace } from "./trace.ts";
import { addWhy } from "./why.ts";

/** Ends with 0: done; 1: it failed; 2: the arguments were wrong. */
async function main(args: readonly string[]): Promise<number> {
  // What stands behind `--` is a script's own.
  const json = (args.includes("--") ? args.slice(0, args.indexOf("--")) : args).includes("--json");
  const program = new Command("meander")
    .description("A live-media network that can be reprogrammed while it runs")
    .version(packageVersion())
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  for (const add of [
    addDemo,
    addSite,
    addPublish,
    addPlay,
    addRecord,
    addSites,
    addChannels,
    addStreams,
    addStream,
    addWhy,
    addTrace,
    addRun,
    addSim,
    addPolicy,
    addStatus,
    addTop,
    addStats,
    addLog,
    addRestart,
    addConfig,
    addToken,
    addStop,
    addDoctor,
  ]) {
    add(program);
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      if (error.code === "commander.help") return 2;
      const what = error.message.replace(/^error: /, "");
      const next = `see ${verbOf(program, args)} --help`;
      printError(new MeanderError("arguments-invalid", what, { next }), json);
      return 2;
    }
    printError(error, json);
    const usage =
      error instanceof MeanderError &&
      !(error instanceof ScriptError) &&
      ["arguments-invalid", "config-invalid"].includes(error.code);
    return usage ? 2 : 1;
  }
}

/** The command that is meant, as far as there is one: `meander token create`. */
function verbOf(program: Command, args: readonly string[]): string {
  let command = program;
  const names = [program.name()];
  for (const arg of args) {
    if (arg.startsWith("-")) continue;
    const next = command.commands.find((each) => each.name() === arg);
    if (next === undefined) break;
    command = next;
    names.push(arg);
  }
  return names.join(" ");
}

// Standard output may be a pipe that still has to be emptied, so the code is left for the process to end with.
process.exitCode = await main(process.argv.slice(2));
