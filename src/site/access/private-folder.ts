import { chmod, lstat, mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Log, MeanderError, messageOf } from "../../base/index.ts";

/** What nobody but the owner may have: reading, writing, entering. */
const OTHERS = 0o077;
/** On a folder: whoever may write there may not remove what others made, as in /tmp. */
const STICKY = 0o1000;

/**
 * Makes a folder in which keys are kept, or makes it and its files private: mode 0700, and 0600 for the files. Tells
 * once what it had to change. Does nothing where files have no owners.
 *
 * @throws {MeanderError} `folder-not-private`
 */
export async function keepPrivate(folder: string, log: Pick<Log, "warn">): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (process.getuid === undefined) return;
  const { mode } = await stat(folder);
  if ((mode & STICKY) !== 0) throw notPrivate(folder, "it is shared by all users", undefined);
  const changed: string[] = [];
  const tighten = async (path: string, was: number): Promise<void> => {
    if ((was & OTHERS) === 0) return;
    try {
      await chmod(path, was & 0o700);
      changed.push(path);
    } catch (error) {
      throw notPrivate(path, messageOf(error), error);
    }
  };
  await tighten(folder, mode & 0o777);
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const about = await lstat(path).catch(() => undefined);
    // It may have gone meanwhile; a link is another's business.
    if (about?.isFile() === true) await tighten(path, about.mode & 0o777);
  }
  // In a folder that was private nobody reached the files, whatever their modes.
  if (changed.includes(folder))
    log.warn("Other users could reach the keys of this site; now they cannot.", { changed });
}

function notPrivate(path: string, why: string, cause: unknown): MeanderError {
  return new MeanderError("folder-not-private", `other users can reach it: ${why}`, {
    where: path,
    expected: "a folder of mode 0700 with files of mode 0600, which hold the site's keys",
    next: "choose another folder with --data, or run `chmod -R go= FOLDER` as its owner",
    cause,
  });
}
