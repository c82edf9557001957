import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { mkdir, rmdir, writeFile } from "node:fs/promises";
import type { GroupFiles } from "./find-control-groups.ts";

/** The files of this machine's kernel. */
export const GROUP_FILES: GroupFiles = {
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
  isWritable(path) {
    try {
      accessSync(path, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  },
  list(path) {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  },
  write: (path, text) => writeFile(path, text),
  makeFolder: (path) => mkdir(path),
  removeFolder: (path) => rmdir(path),
};
