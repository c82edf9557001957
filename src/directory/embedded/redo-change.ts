import { z } from "zod";

/** One write of a directory, as recorded in its redo log. */
export type RedoChange =
  | {
      readonly type: "put";
      readonly revision: number;
      readonly key: string;
      /** Id of the lease it goes with. */
      readonly lease: string | undefined;
      /** The value in JSON. */
      readonly text: string;
    }
  | { readonly type: "remove"; readonly revision: number; readonly key: string }
  | { readonly type: "put-lease"; readonly id: string; readonly ttlMs: number }
  | { readonly type: "remove-lease"; readonly id: string };

const changeSchema = z.union([
  z.tuple([z.literal("put"), z.int(), z.string(), z.string().nullable(), z.unknown()]),
  z.tuple([z.literal("remove"), z.int(), z.string()]),
  z.tuple([z.literal("put-lease"), z.string(), z.number()]),
  z.tuple([z.literal("remove-lease"), z.string()]),
]);

const FROM_UTF8 = new TextDecoder("utf-8", { fatal: true });
const TO_UTF8 = new TextEncoder();

/** One line of JSON for each change, an array; nothing for none. */
export function encodeChanges(changes: readonly RedoChange[]): Uint8Array {
  return TO_UTF8.encode(changes.map(lineOf).join("\n"));
}

/** Reads what {@link encodeChanges} made; undefined for anything else. */
export function decodeChanges(bytes: Uint8Array): RedoChange[] | undefined {
  try {
    return FROM_UTF8.decode(bytes).split("\n").map(changeOf);
  } catch {
    return undefined;
  }
}

function lineOf(change: RedoChange): string {
  switch (change.type) {
    case "put": {
      const { revision, key, lease, text } = change;
      return `["put",${revision},${JSON.stringify(key)},${JSON.stringify(lease ?? null)},${text}]`;
    }
    case "remove":
      return JSON.stringify(["remove", change.revision, change.key]);
    case "put-lease":
      return JSON.stringify(["put-lease", change.id, change.ttlMs]);
    case "remove-lease":
      return JSON.stringify(["remove-lease", change.id]);
  }
}

function changeOf(line: string): RedoChange {
  const fields = changeSchema.parse(JSON.parse(line));
  switch (fields[0]) {
    case "put": {
      const [type, revision, key, lease, value] = fields;
      return { type, revision, key, lease: lease ?? undefined, text: JSON.stringify(value) };
    }
    case "remove":
      return { type: fields[0], revision: fields[1], key: fields[2] };
    case "put-lease":
      return { type: fields[0], id: fields[1], ttlMs: fields[2] };
    case "remove-lease":
      return { type: fields[0], id: fields[1] };
  }
}
