import { createHash } from "node:crypto";
import type { PreparedCode } from "./prepared-code.ts";

/** Prepared code as it is kept and sent; its hash is its name. The same code gives the same bytes. */
export function encodeCode({
  expression,
  source,
}: Pick<PreparedCode, "expression" | "source">): Uint8Array {
  return new TextEncoder().encode(JSON.stringify([expression, source]));
}

/** Undefined when the bytes are not prepared code. */
export function decodeCode(
  bytes: Uint8Array,
): Pick<PreparedCode, "expression" | "source"> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [expression, source] = value as unknown[];
  if (typeof expression !== "string" || typeof source !== "string") return undefined;
  return { expression, source };
}

/** The sha-256, in hex. Settles without I/O, so that the simulator stays deterministic. */
export async function hashOf(bytes: Uint8Array): Promise<string> {
  return createHash("sha256").update(bytes).digest("hex");
}
