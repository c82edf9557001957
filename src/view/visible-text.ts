/**
 * Characters that a terminal or a page acts upon instead of showing them: C0 and C1 but for tab and line feed, DEL,
 * those that turn the direction of text, and those without width that hide what is there. Joiners stay: scripts and
 * pictures need them.
 */
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
/** The same, and what ends a line or a column. */
const UNSEEN_OR_BREAK = new RegExp(`${UNSEEN.source}|[\\t\\n]`, "gu");

/** Text of others as it can be shown: characters that would not be seen become escapes, `\x1b` and `\u{202e}`. */
export function visibleText(text: string): string {
  return text.replace(UNSEEN, escapeOf);
}

/** The same on one line: `\n` and `\t` become escapes too. */
export function visibleLine(text: string): string {
  return text.replace(UNSEEN_OR_BREAK, escapeOf);
}

function escapeOf(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}
