import type { Node, Token } from "acorn";
import type { Edit } from "./edit.ts";
import { type ParsedModule, type Range, walk } from "./parse-module.ts";

/**
 * Texts that a compartment refuses wherever they occur, and the index of the character that is escaped where they are
 * part of a literal or a name. It never follows a backslash. (ses/src/transforms.js: rejectHtmlComments,
 * rejectImportExpressions, rejectSomeDirectEvalExpressions.)
 */
const REFUSED = [
  // Of `(?<!--x)` only the last character may be written as an escape.
  { name: "<!--", pattern: /<!--/g, escaped: 3, gap: 1 },
  { name: "-->", pattern: /-->/g, escaped: 2, gap: 2 },
  { name: "import(", pattern: /\bimport(?=\s*(?:\(|\/[/*]))/g, escaped: 1, gap: undefined },
  { name: "eval(", pattern: /\beval(?=\s*\()/g, escaped: 1, gap: undefined },
] as const;

/**
 * Edits after which the same program has none of the texts that a compartment refuses.
 *
 * @throws {CodeError} `code-forbidden` in tagged templates, whose tag would see the difference
 */
export function confineText(module: ParsedModule): Edit[] {
  const { code, program, tokens } = module;
  const edits: Edit[] = [];
  let tagged: Range[] | undefined;
  for (const { name, pattern, escaped, gap } of REFUSED) {
    for (const match of code.matchAll(pattern)) {
      const offset = match.index + escaped;
      const token = tokenAt(tokens, offset);
      const label = token?.type.label;
      if (label === "template" || label === "invalidTemplate") {
        tagged ??= taggedTemplates(program);
        if (tagged.some(({ start, end }) => start <= offset && offset < end)) {
          throw module.fault(
            "code-forbidden",
            `a tagged template cannot contain ${name}`,
            match.index,
            {
              next: "put that text into a plain string",
            },
          );
        }
      }
      if (label === "string" || label === "template" || label === "regexp") {
        edits.push(escapeAt(code, offset, "\\x", 2));
      } else if (gap === undefined) {
        edits.push(escapeAt(code, offset, "\\u", 4));
      } else {
        edits.push({ start: match.index + gap, end: match.index + gap, text: " " });
      }
    }
  }
  return edits;
}

/** Whether a text has none of the texts that a compartment refuses. */
export function isConfined(text: string): boolean {
  return !REFUSED.some(({ pattern }) => text.search(pattern) >= 0);
}

function escapeAt(code: string, offset: number, prefix: string, digits: number): Edit {
  const hex = code.charCodeAt(offset).toString(16).padStart(digits, "0");
  return { start: offset, end: offset + 1, text: prefix + hex };
}

/** The token at an offset; they are in order. */
function tokenAt(tokens: readonly Token[], offset: number): Token | undefined {
  let low = 0;
  let high = tokens.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const token = tokens[middle];
    if (token === undefined) return undefined;
    if (offset < token.start) high = middle - 1;
    else if (offset >= token.end) low = middle + 1;
    else return token;
  }
  return undefined;
}

function taggedTemplates(program: Node): Range[] {
  const found: Range[] = [];
  walk(program, (node, around) => {
    if (node.type === "TemplateElement" && around.at(-2)?.type === "TaggedTemplateExpression") {
      found.push({ start: node.start, end: node.end });
    }
  });
  return found;
}
