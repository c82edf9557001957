// Runs alone: the pages name ports 7000 and 7001.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openBrowser } from "./support/browser.ts";
import { blockWith, commandsOf } from "./support/documented.ts";
import { installedPackage } from "./support/installed-package.ts";
import { CHROMIUM, FFMPEG } from "./support/programs.ts";
import { until } from "./support/wait.ts";

// What README.md and docs/features.md tell people to type is typed here, word by word, in the order of the pages: once in
// a checkout, once in a folder into which the package was installed.

const root = fileURLToPath(new URL("../../", import.meta.url));

/** How a command is known to work. */
type Expectation =
  /** It ends with code 0, having printed this. */
  | { readonly type: "ends"; readonly prints: RegExp }
  /** It prints this and goes on; left to run to the end of the pages. */
  | { readonly type: "stays"; readonly prints: RegExp }
  /** It prints this and goes on; stopped then. */
  | { readonly type: "stopped"; readonly prints: RegExp }
  /** Run elsewhere. */
  | { readonly type: "elsewhere"; readonly where: string }
  /** Needs a program that is not here. */
  | { readonly type: "skipped"; readonly program: string };

const ends = (prints: RegExp): Expectation => ({ type: "ends", prints });
const stays = (prints: RegExp): Expectation => ({ type: "stays", prints });
const stopped = (prints: RegExp): Expectation => ({ type: "stopped", prints });
const elsewhere = (where: string): Expectation => ({ type: "elsewhere", where });

/** Every command of the pages, as it stands there. */
const COMMANDS: Readonly<Record<string, Expectation>> = {
  "npm ci && npm start": elsewhere("e2e/demo.test.ts"),
  "npm ci && npm test": elsewhere(".ci/run"),
  "npm install meander": elsewhere("e2e/support/installed-package.ts, from the packed package"),
  "meander site --name origin": stays(/origin/),
  "meander site --name edge --join http://127.0.0.1:7000 --http-port 7001": stays(/edge/),
  "meander publish clip --file media/clip.mp4 --loop": stays(/clip/),
  "meander play clip --site http://127.0.0.1:7001": ends(
    /http:\/\/127\.0\.0\.1:7001\/player\.html/,
  ),
  "meander top": stopped(/origin/),
  "meander run hello.ts": ends(/Hello world from origin[\s\S]*now at edge/),
  "meander run --replace hello.ts": ends(/Hello world from origin[\s\S]*now at edge/),
  "meander sim hello.ts --seed 7": ends(/Hello world from origin[\s\S]*now at edge/),
  "meander publish cam --ffmpeg testsrc2":
    FFMPEG === undefined ? { type: "skipped", program: "ffmpeg" } : stopped(/cam/),
  'echo "a new headline" | meander publish news --text': ends(/news/),
  "meander play clip --sdp --output clip.sdp": ends(/clip\.sdp/),
  "meander play news --text --site http://127.0.0.1:7001": stopped(/^/),
  "meander record clip --to clip.mkv --duration 3s": ends(/clip\.mkv/),
  "meander config get --site edge > edge.json": ends(/^/),
  "meander config set edge.json --site edge": ends(/./),
  "meander trace --json": ends(/^\{/),
  "meander status": ends(/clip/),
  "meander sites": ends(/origin[\s\S]*edge|edge[\s\S]*origin/),
  "meander channels": ends(/clip/),
  "meander why clip": ends(/clip is published at origin/),
  "meander stats clip --since 1h": ends(/clip/),
  "meander doctor": ends(/node/),
  "meander test send probe --rate 1.2M --pps 30": stays(/probe/),
  "meander test receive probe --seconds 3 --site http://127.0.0.1:7001":
    ends(/packets received, 0 lost/),
  "meander streams": ends(/traveller/),
  "meander stream inspect traveller": ends(/traveller/),
  "meander stream append traveller '\"again\"'": ends(/traveller/),
  "meander stream move traveller origin": ends(/origin/),
  "meander site leave edge": ends(/edge/),
  "meander token create --name camera --can publish --channel news --channel 'sports/*' --expires 7d":
    ends(/^ey/m),
  "meander token list": ends(/camera/),
  "meander audit --since 1h": ends(
    /allowed +subject:leader origin .*token\.create +token \w+ of camera: publish/,
  ),
};

const PAGES = ["README.md", "docs/features.md"];

/** A folder as a reader of the pages has it, and how `meander` is called there. */
interface Place {
  readonly folder: string;
  /** In front of PATH. */
  readonly bin: string;
}

test("every command of the pages is run here or named as run elsewhere", () => {
  const typed = PAGES.flatMap(commandsOf).map((command) =>
    command.replace(/^npx meander/, "meander"),
  );
  assert.deepEqual([...new Set(typed)].sort(), Object.keys(COMMANDS).sort());
});

for (const [where, open] of [
  ["in a checkout", checkout],
  ["installed", installed],
] as const) {
  describe(where, () => {
    const running: Typed[] = [];
    const place = open();
    writeFileSync(join(place.folder, "hello.ts"), blockWith("README.md", "ts", "// hello.ts"));
    after(async () => {
      for (const each of running.reverse()) await each.stop();
      rmSync(place.folder, { recursive: true, force: true });
    });

    for (const page of PAGES) {
      test(`${where}: the commands of ${page}`, async (t) => {
        for (const command of commandsOf(page)) {
          const expected = COMMANDS[command];
          assert.ok(expected !== undefined, command);
          await t.test(command, () => type(command, expected, place, running));
        }
      });
      if (page !== "README.md") continue;
      test(`${where}: the library's example`, () => library(place));
      const skip = CHROMIUM === undefined ? "not installed: chromium" : false;
      test(`${where}: the player in a page of one's own`, { skip }, watchPage);
    }
  });
}

async function type(
  command: string,
  expected: Expectation,
  place: Place,
  running: Typed[],
): Promise<void> {
  if (expected.type === "elsewhere" || expected.type === "skipped") return;
  // A page that says again what runs already.
  if (running.some((each) => each.command === command)) return;
  const typed = typeIn(place, command);
  if (expected.type === "stays") running.push(typed);
  try {
    if (expected.type === "ends") {
      await typed.until(() => typed.code !== undefined, 60_000);
      assert.equal(typed.code, 0, typed.printed);
      assert.match(typed.printed, expected.prints);
      assert.doesNotMatch(typed.printed, /\bundefined\b|\n\s+at .*:\d+:\d+/);
    } else {
      await typed.until(() => expected.prints.test(typed.printed), 20_000);
      assert.equal(typed.code, undefined, typed.printed);
    }
  } finally {
    if (expected.type !== "stays") await typed.stop();
  }
}

/** A command line that was typed. */
interface Typed {
  readonly command: string;
  /** Everything on standard output and standard error so far. */
  readonly printed: string;
  /** Its exit code; undefined while it runs. */
  readonly code: number | undefined;
  /** Waits for a fact. Rejects with what was printed when it is none after `withinMs`, or cannot become one any more. */
  until(isTrue: () => boolean, withinMs: number): Promise<void>;
  /** Ends it as Ctrl-C does, with all that it started. */
  stop(): Promise<void>;
}

/** Types a command line, in a process group of its own, as an interactive shell does. */
function typeIn({ folder, bin }: Place, command: string): Typed {
  const child = spawn("sh", ["-c", command], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`,
      XDG_RUNTIME_DIR: folder,
      NO_COLOR: "1",
    },
  });
  let printed = "";
  let code: number | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
  }
  const ended = once(child, "close").then(([status]) => {
    code = (status as number | null) ?? -1;
  });
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(-(child.pid ?? 0), name);
    } catch {
      // Ended meanwhile.
    }
  };
  return {
    command,
    get printed() {
      return printed;
    },
    get code() {
      return code;
    },
    until: async (isTrue, withinMs) => {
      const end = performance.now() + withinMs;
      while (!isTrue()) {
        if (code !== undefined || performance.now() > end) {
          const state = code === undefined ? "still runs" : `ended with ${code}`;
          throw new Error(`${command}: ${state}, having printed: ${printed}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    },
    stop: async () => {
      signal("SIGINT");
      const timer = setTimeout(() => signal("SIGKILL"), 10_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** The README's program prints the path, and then the sizes of packets. */
async function library(place: Place): Promise<void> {
  writeFileSync(join(place.folder, "library.mjs"), blockWith("README.md", "ts", "startSite"));
  const program = typeIn(place, "node library.mjs");
  const isWatching = (): boolean =>
    /^studio › stage$/m.test(program.printed) && /^\d+$/m.test(program.printed);
  try {
    await program.until(isWatching, 20_000);
  } finally {
    await program.stop();
  }
}

/** The README's two lines in a page that another server serves: pictures are presented. */
async function watchPage(): Promise<void> {
  const html = blockWith("README.md", "html", "meander-player");
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><title>a page of one's own</title>${html}`);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const browser = await openBrowser();
  try {
    await browser.page.goto(`http://127.0.0.1:${port}/`);
    await until("ten pictures", async () => {
      const count = await browser.page.evaluate(
        `document.querySelector("meander-player")?.stats?.framesPresented ?? 0`,
      );
      return Number(count) > 10;
    });
    assert.deepEqual(browser.errors, []);
  } finally {
    await browser[Symbol.asyncDispose]();
    server.close();
  }
}

/** A folder that looks like a checkout; what commands write there stays out of the real one. */
function checkout(): Place {
  const folder = mkdtempSync(join(tmpdir(), "meander-checkout-"));
  for (const name of readdirSync(root)) {
    if (name.startsWith(".")) continue;
    symlinkSync(join(root, name), join(folder, name));
  }
  return { folder, bin: shim(folder, 'exec npm run -s meander -- "$@"') };
}

/** An empty folder into which the package was installed. */
function installed(): Place {
  const folder = installedPackage();
  return { folder, bin: shim(folder, 'exec npx meander "$@"') };
}

/** A command `meander`, which the pages say to write for what is done here. */
function shim(folder: string, line: string): string {
  const bin = join(folder, ".bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "meander"), `#!/bin/sh\n${line}\n`);
  chmodSync(join(bin, "meander"), 0o755);
  return bin;
}
