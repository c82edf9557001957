import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { z } from "zod";
import { LIMITS } from "../../base/index.ts";
import type { SavedSeries } from "./history.ts";
import { LEVELS } from "./series-ring.ts";

/** First bytes of the file; another format has others. */
const MAGIC = "meander statistics 1\n";

const headSchema = z.array(
  z.object({
    owner: z.string().max(200),
    name: z.string().max(200),
    /** Number of each ring's newest slot; null: nothing in it. */
    last: z.array(z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).nullable()),
  }),
);

/**
 * Writes statistics where {@link readHistory} finds them, atomically.
 *
 * @throws what the file system does
 */
export async function writeHistory(path: string, saved: readonly SavedSeries[]): Promise<void> {
  const head = saved.map(({ owner, name, rings }) => ({
    owner,
    name,
    last: rings.map((ring) => ring?.last ?? null),
  }));
  const values = saved.flatMap(({ rings }) =>
    rings.flatMap((ring) => (ring === undefined ? [] : [bytesOf(ring.values)])),
  );
  const temporary = `${path}.new`;
  try {
    const text = `${MAGIC}${JSON.stringify(head)}\n`;
    await writeFile(temporary, Buffer.concat([Buffer.from(text), ...values]), { mode: 0o600 });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Reads them. Undefined: there are none. @throws {Error} what is wrong with the file */
export async function readHistory(path: string): Promise<readonly SavedSeries[] | undefined> {
  const size = await stat(path).then(
    (found) => found.size,
    () => undefined,
  );
  if (size === undefined) return undefined;
  if (size > LIMITS.statsFileBytesMax) throw new Error(`it has ${size} bytes`);
  const bytes = await readFile(path);
  if (bytes.subarray(0, MAGIC.length).toString("latin1") !== MAGIC) {
    throw new Error("it is no file of statistics, or of another version");
  }
  const end = bytes.indexOf(0x0a, MAGIC.length);
  if (end < 0) throw new Error("it ends in its head");
  const head = headSchema.parse(JSON.parse(bytes.subarray(MAGIC.length, end).toString()));
  let at = end + 1;
  return head.slice(0, LIMITS.statsSeriesMax).map(({ owner, name, last }) => ({
    owner,
    name,
    rings: LEVELS.map(({ count }, index) => {
      const newest = last[index] ?? null;
      if (newest === null) return undefined;
      const part = bytes.subarray(at, at + count * 4);
      if (part.byteLength !== count * 4) throw new Error("it ends early");
      at += part.byteLength;
      return { last: newest, values: new Float32Array(new Uint8Array(part).buffer) };
    }),
  }));
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
