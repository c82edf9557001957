import { decodeBase64, encodeBase64 } from "../../wire/index.ts";

/** RFC 4648 §5, without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Undefined for other text, and for what {@link toBase64Url} does not make: one text stands for the same bytes. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  const bytes = decodeBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
  return bytes !== undefined && toBase64Url(bytes) === text ? bytes : undefined;
}
