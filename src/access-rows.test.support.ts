/** The table of everything that can be asked, in docs/spec/access.md, for the tests that go through its rows. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./client/index.ts";

/** A row: whom is asked, for what, and what it takes. */
export interface AccessRow {
  readonly kind: string;
  readonly names: readonly string[];
  readonly takes: string;
}

/** All rows of the table. */
export function accessRows(): AccessRow[] {
  const page = readFileSync(join(packageRoot(), "docs/spec/access.md"), "utf8");
  const [, after = ""] = page.split("## Everything that can be asked");
  const [table = ""] = after.split("\n## ");
  return table
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| asked"))
    .map((line) => {
      const [, kind = "", names = "", takes = ""] = line.split("|").map((cell) => cell.trim());
      return {
        ...{ kind, takes },
        names: [...names.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
      };
    });
}

/** Checks that tests of some kinds went through all of their rows, and through nothing else. */
export function checkAllTried(kinds: readonly string[], tried: Iterable<string>): void {
  const names = accessRows()
    .filter(({ kind }) => kinds.includes(kind))
    .flatMap((row) => row.names);
  assert.ok(names.length > 0, `rows of ${kinds.join(", ")}`);
  assert.deepEqual([...new Set(tried)].sort(), [...new Set(names)].sort(), kinds.join(", "));
}
