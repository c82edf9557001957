// Which files something was made of: it is made again when one of them has changed.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root } from "./places.js";

/** Whether what was made last under this name came of these files, as they are now. */
export function isMadeOf(name, files) {
  return JSON.stringify(hashesOf(files)) === JSON.stringify(readState(name));
}

/** The files that what was made last under this name came of. */
export function inputsOf(name) {
  return Object.keys(readState(name)).map((file) => join(root, file));
}

export function noteInputs(name, files) {
  mkdirSync(dirname(stateOf(name)), { recursive: true });
  writeFileSync(stateOf(name), JSON.stringify(hashesOf(files), null, 1));
}

/** All files in a folder of the checkout. */
export function filesIn(folder) {
  const names = readdirSync(join(root, folder), { recursive: true });
  return names.map((name) => join(root, folder, String(name)));
}

function stateOf(name) {
  return join(root, ".build", `${name}.json`);
}

function readState(name) {
  return existsSync(stateOf(name)) ? JSON.parse(readFileSync(stateOf(name), "utf8")) : {};
}

function hashesOf(files) {
  const present = [...new Set(files)].filter((file) => existsSync(file) && statSync(file).isFile());
  return Object.fromEntries(
    present.sort().map((file) => {
      const hash = createHash("sha256").update(readFileSync(file)).digest("hex");
      return [relative(root, file), hash];
    }),
  );
}
