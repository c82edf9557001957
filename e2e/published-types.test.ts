import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { packageRoot } from "../src/client/index.ts";

const root = packageRoot();
/** The player is for pages, with types of its own. */
const NOT_FOR_NODE = ["./player", "./package.json"];

interface Failure {
  readonly stdout: string;
}

test("the types of every module that is published compile in a strict consumer that checks libraries", async () => {
  const { name, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    name: string;
    exports: Record<string, unknown>;
  };
  const paths = Object.keys(exports).filter((path) => !NOT_FOR_NODE.includes(path));
  assert.ok(paths.length > 10);
  // Inside of the package, so that its name resolves to itself.
  mkdirSync(join(root, ".build"), { recursive: true });
  const folder = mkdtempSync(join(root, ".build", "consumer-"));
  try {
    const lines = paths.map(
      (path, index) => `import * as m${index} from "${name}${path.slice(1)}"; void m${index};`,
    );
    const use = `import { type Shell, startSite } from "${name}"; void startSite; export type { Shell };`;
    writeFileSync(join(folder, "consumer.mts"), [...lines, use].join("\n"));
    const options = ["--noEmit", "--ignoreConfig", "--strict", "--skipLibCheck", "false"];
    const resolution = ["--module", "nodenext", "--target", "es2023", "--types", "node"];
    const compile = [join(root, "node_modules/typescript/bin/tsc"), ...options, ...resolution];
    const errors = await promisify(execFile)(
      process.execPath,
      [...compile, join(folder, "consumer.mts")],
      { cwd: root },
    ).then(
      () => "",
      (failure: Failure) => failure.stdout,
    );
    assert.equal(errors, "");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
