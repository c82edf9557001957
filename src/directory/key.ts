import { LIMITS, MeanderError } from "../base/index.ts";

const KEY = /^[A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]+)*$/;
const PREFIX = /^[A-Za-z0-9._~/-]*$/;

/** [D11] Whether `text` can be a key. */
export function isKey(text: string): boolean {
  return text.length <= LIMITS.directoryKeyLengthMax && KEY.test(text);
}

/** @throws {MeanderError} `directory-key-invalid` */
export function checkKey(key: string): void {
  if (!isKey(key)) throw invalid("key", key, "segments of letters, digits, - _ . ~ divided by /");
}

/**
 * Checks the start of keys; the empty one is the start of all.
 *
 * @throws {MeanderError} `directory-key-invalid`
 */
export function checkPrefix(prefix: string): void {
  if (prefix.length > LIMITS.directoryKeyLengthMax || !PREFIX.test(prefix)) {
    throw invalid("prefix", prefix, "letters, digits, - _ . ~ and /");
  }
}

function invalid(what: string, text: string, expected: string): MeanderError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return new MeanderError("directory-key-invalid", `${JSON.stringify(shown)} is no ${what}`, {
    where: "directory",
    expected: `${expected}, at most ${LIMITS.directoryKeyLengthMax} characters`,
  });
}
