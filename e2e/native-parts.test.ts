/**
 * The package without its optional native part, `koffi`: not installed, or refused by the system. Only a line of
 * `meander doctor` and the speed differ.
 */
import assert from "node:assert/strict";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Check, publishFile } from "../src/site/index.ts";
import { json, start } from "./support/processes.ts";
import { Viewer } from "./support/viewer.ts";
import { until } from "./support/wait.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const LINE = "batched datagrams";

/** Makes what stands for `koffi` in a folder of packages. */
const KOFFI: Readonly<Record<string, (packages: string) => void>> = {
  "not installed": () => {},
  refused: (packages) => {
    const folder = join(packages, "koffi");
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), '{ "name": "koffi", "main": "index.js" }');
    // What Node throws for a shared object that the system does not load.
    const failure =
      'Object.assign(new Error("koffi.node: failed to map segment"), { code: "ERR_DLOPEN_FAILED" })';
    writeFileSync(join(folder, "index.js"), `throw ${failure};`);
  },
};

let folder: string;
/** The checks with it, by name. */
let normal: Map<string, Check>;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "meander-native-"));
  normal = await checksOf(join(ROOT, "dist/bundle/cli.cjs"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

for (const [what, stand] of Object.entries(KOFFI)) {
  test(`koffi is ${what}: doctor says so in one line, and nothing else differs`, async () => {
    const checks = await checksOf(packageWith(what, stand));
    const differing = [...checks.keys()].filter(
      (name) => checks.get(name)?.status !== normal.get(name)?.status,
    );
    assert.deepEqual([...checks.keys()], [...normal.keys()]);
    assert.deepEqual(differing, [LINE]);
    assert.equal(normal.get(LINE)?.status, "ok");
    assert.equal(checks.get(LINE)?.status, "warn");
    assert.match(checks.get(LINE)?.next ?? "", /koffi/);
  });

  test(`koffi is ${what}: a site relays a file`, async () => {
    const data = join(folder, `data-${what.replaceAll(" ", "-")}`);
    const args = ["site", "--name", "north", "--http-port", "0", "--data", data, "--json"];
    const site = start(process.execPath, [packageWith(`site ${what}`, stand), ...args]);
    try {
      const { url } = await site.line((line) => {
        const ready = json<{ readonly url?: string }>(line);
        return ready?.url === undefined ? undefined : { url: ready.url };
      });
      const clip = join(ROOT, "media/clip.mp4");
      const publication = await publishFile(clip, { site: url, channel: "clip", loop: true });
      using viewer = await Viewer.open(url, "clip");
      await until("packets of the file", () => viewer.received.length > 200);
      await publication.close();
    } finally {
      await site.stop();
    }
    assert.equal(await site.ended, 0, site.stderr());
  });
}

/** A copy of the package, whose dependencies are those of this checkout except for `koffi`. */
function packageWith(name: string, stand: (packages: string) => void): string {
  const copy = join(folder, name.replaceAll(" ", "-"));
  const packages = join(copy, "node_modules");
  mkdirSync(packages, { recursive: true });
  for (const part of ["dist/bundle", "dist/web", "media", "package.json"]) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  }
  for (const each of readdirSync(join(ROOT, "node_modules"))) {
    if (each !== "koffi") symlinkSync(join(ROOT, "node_modules", each), join(packages, each));
  }
  stand(packages);
  return join(copy, "dist/bundle/cli.cjs");
}

async function checksOf(cli: string): Promise<Map<string, Check>> {
  const { stdout, ended } = start(process.execPath, [cli, "doctor", "--json"]);
  await ended;
  return new Map((JSON.parse(stdout()) as Check[]).map((check) => [check.name, check]));
}
