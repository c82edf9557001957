import { join } from "node:path";
import type { Command } from "commander";
import { SystemClock, SystemRandom } from "../base/index.ts";
import { packageRoot } from "../client/index.ts";
import type { DemoSupervisor } from "../site/demo/index.ts";
import { wholeNumber } from "./arguments.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

interface Arguments {
  readonly port: string;
  readonly publish: boolean;
  readonly json?: boolean;
}

/** `meander demo` */
export function addDemo(program: Command): void {
  program
    .command("demo")
    .description(
      "run a leader and three relays as processes, with video, sound and news relayed by them",
    )
    .option("--port <base>", "first port to try", "7000")
    .option("--no-publish", "start the sites only, publish nothing")
    .option("--json", "print one JSON object when everything is up, and keep running")
    .action(async (options: Arguments) => {
      const terminal = openTerminal(options.json === true);
      const basePort = wholeNumber(options.port, "--port", 1, 65_000) ?? 7000;
      terminal.progress("starting four sites…");
      const { DEMO_CHANNELS, DemoSupervisor } = await import("../site/demo/index.ts");
      const supervisor = await DemoSupervisor.start({
        module: process.argv[1] ?? "",
        basePort,
        clip: options.publish ? join(packageRoot(), "media", "clip.mp4") : undefined,
        clock: new SystemClock(),
        random: new SystemRandom(),
        onNote: (line) => {
          if (terminal.json) process.stderr.write(`${JSON.stringify({ note: line })}\n`);
          else terminal.note(line);
        },
      });
      announce(terminal, supervisor, options.publish ? Object.keys(DEMO_CHANNELS) : []);
      await untilStopped();
      terminal.note("stopping…");
      await supervisor.stop();
      process.exit(0);
    });
}

function announce(
  terminal: Terminal,
  { sites }: DemoSupervisor,
  channels: readonly string[],
): void {
  const url = (name: string): string => sites.find((site) => site.name === name)?.url ?? "";
  const console = `${url("origin")}/`;
  const player = `${url("south")}/player.html?channel=clip`;
  const { paint } = terminal;
  // In a checkout there is no `meander` in PATH.
  const meander =
    process.env["npm_lifecycle_event"] === undefined ? "meander" : "npm run -s meander --";
  terminal.show({ console, player, sites, channels }, () =>
    [
      "",
      `  ${paint("bold", "Meander")} is running: four sites on this machine, each its own process.`,
      "",
      `  ${paint("bold", "console")}  ${paint("cyan", console)}`,
      ...(channels.length > 0 ? [`  player   ${paint("cyan", player)}`] : []),
      "",
      ...sites.map(
        ({ name, url: at, pid }) => `  ${name.padEnd(8)} ${at}/  ${paint("dim", `pid ${pid}`)}`,
      ),
      "",
      "  Try: open the console, watch the clip, and kill middle: the picture keeps moving.",
      `  Or:  ${meander} play news --text --site ${url("south")}`,
      `       ${meander} status --site ${url("middle")}`,
      "",
      `  ${paint("dim", "Press Ctrl-C to stop.")}`,
    ].join("\n"),
  );
}

function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", resolve).once("SIGTERM", resolve);
    // Started by another program that talks to us: end with it.
    if (process.send !== undefined) process.once("disconnect", resolve);
  });
}
