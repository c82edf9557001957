import { MeanderError } from "../base/index.ts";

const BLANK = /[ \t\n\r]*/y;
// In a string each run of plain characters is separated from the next by an escape, so that it matches in one way only.
const TOKEN =
  /[{}[\],:]|"[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[ !#-[\]-\uffff]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

type Wanted = "value" | "value or ]" | "key" | "key or }" | ":" | ", or end" | "nothing";

/**
 * Where a text stops being JSON (RFC 8259): the index of the token that is not allowed, or the length of a text that
 * ends too soon. Undefined for JSON. Engines report the position differently, or not at all.
 */
export function jsonFaultAt(text: string): number | undefined {
  const open: ("{" | "[")[] = [];
  let wanted: Wanted = "value";
  for (let index = 0; ; ) {
    index += match(BLANK, text, index).length;
    if (index === text.length) return wanted === "nothing" ? undefined : index;
    const token = match(TOKEN, text, index);
    const next: Wanted | undefined = token === "" ? undefined : after(token, wanted, open);
    if (next === undefined) return index;
    wanted = next;
    index += token.length;
  }
}

/** What may follow a token; undefined when the token itself may not be there. */
function after(token: string, wanted: Wanted, open: ("{" | "[")[]): Wanted | undefined {
  const isKey = wanted === "key" || wanted === "key or }";
  if (token === "}" || token === "]") {
    const start = token === "}" ? "{" : "[";
    const mayEnd = wanted === ", or end" || wanted === (start === "{" ? "key or }" : "value or ]");
    return mayEnd && open.pop() === start ? afterValue(open) : undefined;
  }
  if (token === ":") return wanted === ":" ? "value" : undefined;
  if (token === ",") {
    if (wanted !== ", or end") return undefined;
    return open.at(-1) === "{" ? "key" : "value";
  }
  if (isKey) return token.startsWith('"') ? ":" : undefined;
  if (wanted !== "value" && wanted !== "value or ]") return undefined;
  if (token !== "{" && token !== "[") return afterValue(open);
  open.push(token);
  return token === "{" ? "key or }" : "value or ]";
}

function afterValue(open: readonly string[]): Wanted {
  return open.length === 0 ? "nothing" : ", or end";
}

function match(pattern: RegExp, text: string, index: number): string {
  pattern.lastIndex = index;
  return pattern.exec(text)?.[0] ?? "";
}

/**
 * What a JSON text says. Engines say differently, or not at all, where a text stops being JSON.
 *
 * @param where the file, for the error, which adds line and column
 * @throws {MeanderError} `config-invalid`
 */
export function parseJson(text: string, where: string, expected = "JSON"): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const before = text.slice(0, jsonFaultAt(text) ?? 0).split("\n");
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    const at = `${where}: ${place}`;
    throw new MeanderError("config-invalid", "it is not JSON", { where: at, expected, cause });
  }
}
