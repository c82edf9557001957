import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Site } from "../site/index.ts";
import { meander } from "./meander.test.support.ts";

/** The first program of the README: it ends before its agents have spoken. */
const HELLO = `
import { defineAgent, type Shell } from "meander";

export default async function main(shell: Shell) {
  await shell.createStream("foo", { at: "origin" });
  await shell.createStream("bar", { at: "edge" });
  await shell.registerAgent("foo", defineAgent({
    on: { append: (ctx, message) => void ctx.open("bar").append(message) },
  }));
  await shell.registerAgent("bar", defineAgent({
    on: {
      append(ctx, message) { ctx.log(message); ctx.relocate("origin"); },
      arrival(ctx) { ctx.log(\`I am at \${ctx.location}\`); },
    },
  }));
  await shell.append("foo", "Hello world");
}
`;
const SPOKEN = "edge bar/agent: Hello world\norigin bar/agent: I am at origin\n";

let folder: string;
let hello: string;
let origin: Site;
let edge: Site;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-run-"));
  hello = join(folder, "hello.ts");
  await writeFile(hello, HELLO);
  origin = await start({ name: "origin" });
  edge = await start({ name: "edge", join: origin.url });
});
after(async () => {
  await edge.stop();
  await origin.stop();
  await rm(folder, { recursive: true, force: true });
});

function start(settings: { readonly name: string; readonly join?: string }): Promise<Site> {
  const data = join(folder, settings.name);
  return Site.start({ httpPort: 0, data, ...settings }, { plane: "local" });
}

const run = (...args: readonly string[]): ReturnType<typeof meander> =>
  meander(["run", ...args, "--site", origin.url]);

test("a script is followed until its streams are idle, and a second run says what to do", async () => {
  const first = await run(hello);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(first.stdout, SPOKEN);

  const second = await run(hello);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /^ +where: stream foo, asked for at .*hello\.ts:5:\d+$/m);
  assert.match(second.stderr, /next: .*meander stream destroy.*meander run --replace .*hello\.ts/);
  assert.doesNotMatch(second.stderr, /node_modules|undefined/);

  const third = await run("--replace", hello);
  assert.equal(third.code, 0, third.stderr);
  assert.equal(third.stdout, SPOKEN);
});

test("streams that do not become idle are named when the time to follow them is up", async () => {
  const busy = join(folder, "busy.ts");
  await writeFile(
    busy,
    `import { defineAgent, type Shell } from "meander";
    export default async function main(shell: Shell) {
      await shell.createStream("slow");
      await shell.registerAgent("slow", defineAgent({
        on: { append: () => { throw new Error("not yet"); } },
      }));
      await shell.append("slow", 1);
    }`,
  );
  const followed = await run("--follow", "200ms", busy);
  assert.equal(followed.code, 0, followed.stderr);
  assert.match(followed.stderr, /^not idle after 200ms: slow;/m);
  const detached = await run("--detach", "--replace", busy);
  assert.equal(detached.code, 0);
  assert.equal(detached.stderr, "");
});
