import { MeanderError } from "../base/index.ts";
import type { Durability } from "../stream/index.ts";

/** Messages between two checkpoints, at most. */
const EVERY_MAX = 1_000_000;

/**
 * Durability as people write it: `none`, `checkpoint:100`, `message`.
 *
 * @param argument where it was written, for the error
 * @throws {MeanderError} `arguments-invalid`
 */
export function parseDurability(text: string, argument: string): Durability {
  if (text === "none" || text === "message") return { type: text };
  const digits = /^checkpoint:(\d{1,7})$/.exec(text)?.[1];
  const every = Number(digits);
  if (digits !== undefined && every >= 1 && every <= EVERY_MAX)
    return { type: "checkpoint", every };
  throw new MeanderError("arguments-invalid", `got ${JSON.stringify(text)}`, {
    where: `argument ${argument}`,
    expected: `none, message, or checkpoint:N with N messages, 1 to ${EVERY_MAX}`,
  });
}

/** What {@link parseDurability} reads. */
export function formatDurability(durability: Durability): string {
  return durability.type === "checkpoint" ? `checkpoint:${durability.every}` : durability.type;
}
