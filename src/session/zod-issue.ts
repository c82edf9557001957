import type { z } from "zod";

/** What was wrong with a value, for people. */
export interface IssueText {
  /** Where in the value: `channels.clip.input.from[0]`; empty for the value itself. */
  readonly path: string;
  readonly what: string;
  readonly expected: string | undefined;
  /** The key that is not known, when that was wrong, and what holds it. */
  readonly unknownKey:
    | { readonly key: string; readonly holder: readonly PropertyKey[] }
    | undefined;
}

const KINDS: Readonly<Record<string, string>> = {
  number: "a number",
  int: "a whole number",
  string: "text",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

/** The first thing that was wrong with `value`. */
export function describeIssue(error: z.ZodError, value: unknown): IssueText {
  const [issue] = error.issues;
  if (issue === undefined)
    return { path: "", what: "it is not valid", expected: undefined, unknownKey: undefined };
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    return {
      path: formatPath([...issue.path, key]),
      what: `unknown key ${JSON.stringify(key)}`,
      expected: undefined,
      unknownKey: { key, holder: issue.path },
    };
  }
  const key = issue.code === "invalid_key" ? issue.path.at(-1) : undefined;
  const what =
    key === undefined ? got(valueAt(value, issue.path)) : `got the name ${JSON.stringify(key)}`;
  return { path: formatPath(issue.path), what, expected: expectedOf(issue), unknownKey: undefined };
}

/** `a.b[0]["c/d"]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      const text = String(part);
      if (!/^[A-Za-z0-9_-]+$/.test(text)) return `[${JSON.stringify(text)}]`;
      return index === 0 ? text : `.${text}`;
    })
    .join("");
}

function expectedOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") return KINDS[issue.expected] ?? issue.expected;
  if (issue.code === "too_small") return `at least ${issue.minimum}${unitOf(issue.origin)}`;
  if (issue.code === "too_big" && !issue.message.startsWith("expected ")) {
    return `at most ${issue.maximum}${unitOf(issue.origin)}`;
  }
  const { message } = (issue.code === "invalid_key" && issue.issues[0]) || issue;
  return message.replace(/^expected /, "");
}

function unitOf(origin: string): string {
  if (origin === "array") return " entries";
  return origin === "string" ? " characters" : "";
}

function got(value: unknown): string {
  if (value === undefined) return "it is missing";
  const text = JSON.stringify(value) ?? typeof value;
  return `got ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const part of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<PropertyKey, unknown>)[part];
  }
  return at;
}
