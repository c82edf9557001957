/** What has a name of its own in a session. */
export type NameKind = "site" | "channel" | "input" | "stream" | "shell" | "token";

interface NameRule {
  readonly pattern: RegExp;
  /** The rule in words: "1 to 40 of …". */
  readonly expected: string;
}

/**
 * What names may be made of. Names appear in paths of URLs, in names of files, in lists of patterns and on terminals,
 * so none has characters that mean something there: no `*`, no `..` alone, no blanks or control characters. All but
 * those of tokens, which are names of people, are ASCII, where no letter looks like another's.
 */
const RULES: Readonly<Record<NameKind, NameRule>> = {
  site: {
    pattern: /^[a-z][a-z0-9-]{0,39}$/,
    expected: "1 to 40 of a-z, 0-9 and -, starting with a letter",
  },
  channel: {
    pattern: /^(?=.{1,100}$)(?!\.)[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/,
    expected: "1 to 100 letters, digits, . _ - in segments divided by /, none starting with a dot",
  },
  input: { pattern: /^[A-Za-z0-9_-]{1,40}$/, expected: "1 to 40 letters, digits, _ and -" },
  stream: {
    pattern: /^(?!shell-)(?!\.+$)[A-Za-z0-9._-]{1,80}$/,
    expected: "1 to 80 letters, digits, . _ and -, not starting with shell-",
  },
  shell: { pattern: /^[A-Za-z0-9_-]{1,40}$/, expected: "1 to 40 letters, digits, - and _" },
  token: {
    pattern: /^[\p{L}\p{N}][\p{L}\p{N} ._@:-]{0,79}$/u,
    expected: "1 to 80 letters, digits, . _ @ : -, the letters of one script",
  },
};

/** Scripts whose letters look like those of another: mixed in one name, they make two names that look the same. */
const ALIKE = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
];

/** Whether a text may be the name of something. */
export function isName(kind: NameKind, text: string): boolean {
  if (!RULES[kind].pattern.test(text)) return false;
  return ALIKE.filter((script) => script.test(text)).length <= 1 && text === text.normalize("NFKC");
}

/** What the name of something may be made of, in words, for errors. */
export function describeName(kind: NameKind): string {
  return RULES[kind].expected;
}
