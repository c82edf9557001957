#!/usr/bin/env node
/**
 * The entry of the published command line: answers at once what needs no program, and has the rest compiled from a
 * cache.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PlaneThread } from "../site/plane/index.ts";
import { cacheCode } from "./cache-code.ts";
import { isVerbName } from "./verb-names.ts";

const args = process.argv.slice(2);
const [verb = ""] = args;

if (args.length === 1 && ["--version", "-V"].includes(verb)) {
  const about = readFileSync(join(import.meta.dirname, "..", "..", "package.json"), "utf8");
  process.stdout.write(`${(JSON.parse(about) as { version: string }).version}\n`);
} else if (verb === "run" || verb === "sim") {
  // Scripts import the published modules, whose classes have to be those of the program.
  void import(new URL("./main.js", import.meta.url).href);
} else {
  cacheCode(isVerbName(verb) ? verb : "help");
  const runsSite = verb === "site" && !args.some((arg) => ["leave", "--help", "-h"].includes(arg));
  const planeThread = runsSite ? new PlaneThread() : undefined;
  void import("./program.ts").then(async ({ runProgram }) => {
    process.exitCode = await runProgram(args, { planeThread });
  });
}
