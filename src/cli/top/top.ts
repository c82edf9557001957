import { constants } from "node:os";
import type { Command } from "commander";
import { type Clock, delay, MeanderError, SystemClock } from "../../base/index.ts";
import { clientOf, durationOf, type SiteArguments, withSite } from "../arguments.ts";
import { clientAt } from "../site-named.ts";
import { openTerminal, shown, type Terminal } from "../terminal.ts";
import { FullScreen } from "./full-screen.ts";
import { SessionPoll, type TopSession } from "./session-poll.ts";
import { SORTS, sortedSites, type TopChoice, topScreen } from "./top-screen.ts";

const INTERVAL_MS_MIN = 100;
const WIDTH_DEFAULT = 120;

/** `meander top` */
export function addTop(program: Command): void {
  withSite(
    program
      .command("top")
      .description("watch the session live: its sites, its channels, its slowest viewers")
      .option("--interval <time>", "time between two looks", "1s"),
  ).action(async (options: SiteArguments & { readonly interval: string }) => {
    const terminal = openTerminal(options.json === true);
    const clock = new SystemClock();
    const intervalMs = durationOf(options.interval, "--interval");
    if (intervalMs < INTERVAL_MS_MIN) {
      throw new MeanderError("arguments-invalid", `got ${options.interval}`, {
        where: "argument --interval",
        expected: `at least ${INTERVAL_MS_MIN}ms`,
      });
    }
    const poll = new SessionPoll({
      site: clientOf(options),
      clientOf: (record) => clientAt(options, record),
      clock,
    });
    if (terminal.json) await printObjects(poll, terminal, clock, intervalMs);
    else if (process.stdout.isTTY && process.stdin.isTTY)
      await watch(poll, terminal, clock, intervalMs);
    else await printOnce(poll, terminal, clock);
  });
}

/** One JSON object for each poll, until the reader has gone. */
async function printObjects(
  poll: SessionPoll,
  terminal: Terminal,
  clock: Clock,
  intervalMs: number,
): Promise<void> {
  let isRead = true;
  process.stdout.on("error", () => {
    isRead = false;
  });
  while (isRead) {
    const session = await poll.look();
    terminal.show({ at: clock.wall(), ...session }, () => "");
    await delay(clock, "top", intervalMs);
  }
}

async function printOnce(poll: SessionPoll, terminal: Terminal, clock: Clock): Promise<void> {
  const choice = { view: "all", sort: 0, site: undefined, isPaused: false } as const;
  const width = process.stdout.columns ?? WIDTH_DEFAULT;
  const frame = { width, height: undefined, paint: terminal.paint, time: timeOf(clock) };
  const lines = topScreen(await poll.look(), choice, frame);
  terminal.write(`${shown(lines.map((line) => line.trimEnd()).join("\n"))}\n`);
}

/** Redraws in place until the user quits; the terminal is restored in every case. */
async function watch(
  poll: SessionPoll,
  terminal: Terminal,
  clock: Clock,
  intervalMs: number,
): Promise<void> {
  // A session that cannot be reached is an error, as for every other verb.
  let session = await poll.look();
  let choice: TopChoice = { view: "all", sort: 0, site: undefined, isPaused: false };
  const { stdin, stdout } = process;
  const screen = new FullScreen(stdout);
  const draw = (): void => {
    const { columns: width, rows: height } = screen;
    screen.draw(
      topScreen(session, choice, { width, height, paint: terminal.paint, time: timeOf(clock) }),
    );
  };
  const restore = (): void => {
    if (stdin.isTTY) stdin.setRawMode(false);
    screen[Symbol.dispose]();
  };
  // Also when something throws, or a signal ends the process.
  process.once("exit", restore);
  let quit = (): void => {};
  const quitted = new Promise<void>((resolve) => {
    quit = resolve;
  });
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.on("data", (keys: string) => {
    const next = keysPressed(choice, session, keys);
    if (next === "quit") return quit();
    choice = next;
    draw();
  });
  stdin.on("end", quit);
  stdout.on("resize", draw);
  stdout.on("error", quit);
  let isOver = false;
  void quitted.then(() => {
    isOver = true;
  });
  draw();
  const work = (async () => {
    while (!isOver) {
      await Promise.race([delay(clock, "top", intervalMs), quitted]);
      if (isOver || choice.isPaused) continue;
      session = await poll.look();
      draw();
    }
  })();
  await Promise.race([quitted, work]);
  restore();
  process.exit(0);
}

/** The choice after some keys, or that the user quits. */
export function keysPressed(
  choice: TopChoice,
  session: TopSession,
  keys: string,
): TopChoice | "quit" {
  let next = choice;
  for (const key of keysIn(keys)) {
    switch (key) {
      case "q":
      case "\x03":
        return "quit";
      case "a":
        next = { ...next, view: "all" };
        break;
      case "c":
        next = { ...next, view: next.view === "channels" ? "all" : "channels" };
        break;
      case "v":
        next = { ...next, view: next.view === "viewers" ? "all" : "viewers" };
        break;
      case "s":
        next = { ...next, sort: (next.sort + 1) % SORTS.length };
        break;
      case "p":
      case " ":
        next = { ...next, isPaused: !next.isPaused };
        break;
      case "\x1b[A":
        next = { ...next, site: neighbour(next, session, -1) };
        break;
      case "\x1b[B":
        next = { ...next, site: neighbour(next, session, 1) };
        break;
      default:
    }
  }
  return next;
}

/** Arrows are three characters: escape, bracket and a letter. */
function keysIn(text: string): readonly string[] {
  const keys: string[] = [];
  for (let at = 0; at < text.length; ) {
    const length = text.startsWith("\x1b[", at) ? 3 : 1;
    keys.push(text.slice(at, at + length));
    at += length;
  }
  return keys;
}

/** The site above or below in the order shown; beyond either end all of them. */
function neighbour(choice: TopChoice, { sites }: TopSession, step: 1 | -1): string | undefined {
  const names = sortedSites(sites, choice).map(({ name }) => name);
  const at = choice.site === undefined ? -1 : names.indexOf(choice.site);
  if (at < 0) return step > 0 ? names[0] : names.at(-1);
  return names[at + step];
}

function timeOf(clock: Clock): string {
  return new Date(clock.wall()).toTimeString().slice(0, 8);
}
