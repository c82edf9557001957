import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Only its owner reads and writes it. */
const OWNER_ONLY = 0o600;

/** Writes a file that only its owner may read, atomically. Makes the folder if necessary. */
export async function writeSecret(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.new`;
  await rm(draft, { force: true });
  // `wx`: never through a link that another user has put there.
  const handle = await open(draft, "wx", OWNER_ONLY);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}
