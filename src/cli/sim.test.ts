import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { packageRoot } from "../client/index.ts";
import type { SimulationResult } from "../sim/index.ts";
import { meander, type Run } from "./meander.test.support.ts";

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-sim-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const sim = (...args: readonly string[]): Promise<Run> => meander(["sim", ...args]);

function example(name: string): string {
  return join(packageRoot(), "examples", `${name}.ts`);
}

async function script(name: string, lines: readonly string[]): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, lines.join("\n"));
  return file;
}

for (const [name, expected] of [
  ["hello-streams", /^m1 bar\/agent: Hello world\nm0 bar\/agent: I am at m0\n$/],
  ["surviving-counter", /m1 is gone; I go on at m0.*exact: none lost, none twice/s],
  ["distributed-test", /passed: every message came once and in order\n$/],
] as const) {
  test(`the example ${name} prints simulated what it prints live, and each run of one seed is the same`, async () => {
    const traces = [join(folder, `${name}-1`), join(folder, `${name}-2`)];
    const [first, second] = await Promise.all(
      traces.map((trace) => sim(example(name), "--seed", "7", "--trace", trace)),
    );
    assert.equal(first?.code, 0, first?.stderr);
    assert.match(first?.stdout ?? "", expected);
    assert.match(first?.stderr ?? "", /^SEED .*\n7 .* s +concluded +\d+ +\d+ +\d\.\d\d +0\n$/s);
    assert.deepEqual(second, first);
    const [one, two] = await Promise.all(traces.map((file) => readFile(file, "utf8")));
    assert.ok((one ?? "").split("\n").length > 20);
    assert.equal(two, one);
  });
}

test("with --json the result is one object, and another seed gives another run", async () => {
  const results = await Promise.all(
    ["7", "8"].map(async (seed) => {
      const { code, stdout, stderr } = await sim(
        example("hello-streams"),
        "--seed",
        seed,
        "--json",
      );
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout) as SimulationResult & { readonly seed: number };
    }),
  );
  for (const [index, result] of results.entries()) {
    assert.equal(result.seed, 7 + index);
    assert.equal(result.concluded, true);
    assert.deepEqual(result.violations, []);
    assert.deepEqual(
      result.output.map(({ site, line }) => [site, line]),
      [
        ["m1", "Hello world"],
        ["m0", "I am at m0"],
      ],
    );
  }
  assert.notEqual(results[0]?.seconds, results[1]?.seconds);
});

test("a script that names the sites of the documentation runs as it is; other names are given", async () => {
  const lines = (site: string): string[] => [
    "export default async (shell: { createStream(name: string, options: object): Promise<unknown> }) => {",
    `  await shell.createStream("foo", { at: "${site}" });`,
    "};",
  ];
  const known = await sim(await script("known.ts", lines("edge")));
  assert.equal(known.code, 0, known.stderr);
  const other = await script("other.ts", lines("west"));
  const refused = await sim(other);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /expected: .*edge, north, origin|origin, edge, north/);
  assert.match(refused.stderr, /next: name the sites of the script: add --sites NAME,NAME/);
  assert.doesNotMatch(refused.stderr, /undefined/);
  const given = await sim(other, "--sites", "east,west");
  assert.equal(given.code, 0, given.stderr);
  const twice = await sim(other, "--sites", "west,west");
  assert.equal(twice.code, 2);
  assert.match(twice.stderr, /where: argument --sites/);
});

test("an error of the script shows its place, and the command that brings it again", async () => {
  const file = await script("fails.ts", [
    "export default async (shell: { sleep(ms: number): Promise<void> }, [why]: string[]) => {",
    "  await shell.sleep(10);",
    "  throw new Error(why);",
    "};",
  ]);
  const { code, stderr } = await sim(file, "--seed", "3", "--sites", "2", "--", "on purpose");
  assert.equal(code, 1);
  assert.match(stderr, /^error: on purpose/m);
  assert.match(stderr, /where: .*fails\.ts:3:9/);
  assert.match(stderr, /meander sim \S*fails\.ts --seed 3 --sites 2 -- 'on purpose'$/m);
});

test("a script that never ends ends with the time it was given", async () => {
  const file = await script("waits.ts", ["export default () => new Promise(() => {});"]);
  const { code, stderr } = await sim(file, "--until", "2500");
  assert.equal(code, 0);
  assert.match(stderr, /2\.5 s +time was up/);
});
