import { Command, CommanderError } from "commander";
import { MeanderError } from "../base/index.ts";
import { packageVersion } from "../client/index.ts";
import type { AddVerb, ProgramPorts } from "./program-ports.ts";
import { ScriptError } from "./script-error.ts";
import { printError } from "./terminal.ts";
import { isVerbName, VERB_NAMES, type VerbName } from "./verb-names.ts";

/** The module of each verb, loaded when the verb is used, or when all of them are listed. */
const VERBS: Readonly<Record<VerbName, () => Promise<AddVerb>>> = {
  demo: async () => (await import("./demo.ts")).addDemo,
  site: async () => (await import("./site.ts")).addSite,
  publish: async () => (await import("./publish.ts")).addPublish,
  play: async () => (await import("./play.ts")).addPlay,
  record: async () => (await import("./record.ts")).addRecord,
  sites: async () => (await import("./sites.ts")).addSites,
  channels: async () => (await import("./channels.ts")).addChannels,
  streams: async () => (await import("./streams.ts")).addStreams,
  stream: async () => (await import("./stream/stream.ts")).addStream,
  why: async () => (await import("./why.ts")).addWhy,
  trace: async () => (await import("./trace.ts")).addTrace,
  run: async () => (await import("./run.ts")).addRun,
  sim: async () => (await import("./sim.ts")).addSim,
  policy: async () => (await import("./policy.ts")).addPolicy,
  author: async () => (await import("./author.ts")).addAuthor,
  status: async () => (await import("./status.ts")).addStatus,
  top: async () => (await import("./top/top.ts")).addTop,
  stats: async () => (await import("./stats.ts")).addStats,
  log: async () => (await import("./log.ts")).addLog,
  restart: async () => (await import("./restart.ts")).addRestart,
  config: async () => (await import("./config.ts")).addConfig,
  token: async () => (await import("./token.ts")).addToken,
  audit: async () => (await import("./audit.ts")).addAudit,
  stop: async () => (await import("./stop.ts")).addStop,
  test: async () => (await import("./test/test.ts")).addTest,
  doctor: async () => (await import("./doctor.ts")).addDoctor,
};

/** Verbs that go on when their output is not read. */
const SERVERS: readonly string[] = ["site", "demo"];

/**
 * Runs the command line.
 *
 * @param args without the program's own name
 * @param ports what its entry has prepared
 * @returns the exit code. 0: done; 1: it failed; 2: the arguments were wrong
 */
export async function runProgram(
  args: readonly string[],
  ports: ProgramPorts = {},
): Promise<number> {
  if (!SERVERS.includes(args[0] ?? "")) endWithReader();
  // Arguments after `--` belong to a script.
  const json = (args.includes("--") ? args.slice(0, args.indexOf("--")) : args).includes("--json");
  const program = new Command("meander")
    .description("A live-media network that can be reprogrammed while it runs")
    .version(packageVersion())
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .hook("preAction", async (_program, verb) => {
      const { site } = verb.opts<{ readonly site?: string | readonly string[] }>();
      if (site === undefined || [site].flat().every((each) => URL.canParse(each))) return;
      const { resolveSiteName } = await import("./site-named.ts");
      await resolveSiteName(verb);
    });
  for (const add of await Promise.all(verbsFor(args[0]).map((load) => load()))) add(program, ports);
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

/** Who reads the output may end first, as `head` does: then nothing more is printed, and that is no fault. */
function endWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}

/** What the first argument needs: its verb, or all of them where it names none. */
function verbsFor(name = ""): readonly (() => Promise<AddVerb>)[] {
  return isVerbName(name) ? [VERBS[name]] : VERB_NAMES.map((each) => VERBS[each]);
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
