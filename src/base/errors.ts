/** The parts of an error besides its message, all for people. */
export interface ErrorDetails {
  /** Where it is: `demo.json: inputs[0].from`, `argument --join`, `127.0.0.1:7000`. */
  readonly where?: string;
  /** What would have been right: `a whole number from 1 to 65535`. */
  readonly expected?: string;
  /** What to do next: `choose another --http-port, or stop the program that holds it`. */
  readonly next?: string;
  readonly cause?: unknown;
}

/**
 * Every error that a caller may handle. Branch on `code`, show `message`.
 *
 * `code` is stable, kebab-case, and part of the API; `docs/errors.md` lists them all.
 * The message is one line made of what was wrong, where, what was expected and what to do.
 */
export class MeanderError extends Error {
  readonly code: string;
  /** What was wrong, alone; the message has the other parts too. */
  readonly what: string;
  readonly where: string | undefined;
  readonly expected: string | undefined;
  readonly next: string | undefined;

  constructor(code: string, what: string, details: ErrorDetails = {}) {
    const { where, expected, next, cause } = details;
    const parts = [
      where === undefined ? what : `${where}: ${what}`,
      expected === undefined ? "" : `; expected ${expected}`,
      next === undefined ? "" : `; ${next}`,
    ];
    super(parts.join(""), cause === undefined ? undefined : { cause });
    this.name = "MeanderError";
    this.code = code;
    this.what = what;
    this.where = where;
    this.expected = expected;
    this.next = next;
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Whether a code says that a token, or its absence, is the reason: retrying with the same token cannot succeed. */
export function isAboutToken(code: string): boolean {
  return code.startsWith("token-") && code !== "token-throttled";
}
