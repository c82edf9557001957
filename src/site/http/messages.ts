import { MeanderError, messageOf } from "../../base/index.ts";

/** An HTTP request before its body; structured-cloneable. */
export interface HttpHead {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  /** Lower case names; repeated headers joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** IP address of the client. */
  readonly remoteAddress: string;
}

/** An HTTP request after its body has arrived; structured-cloneable. */
export interface HttpRequest extends HttpHead {
  /** At most `LIMITS.bodyBytesMax`. */
  readonly body: Uint8Array;
  /** The request is only to be judged: its body has not been read. What lets it in answers with {@link LET_IN}. */
  readonly judgeOnly?: true;
}

/** Status of the answer to a request that may send its body: 100, as HTTP has it. */
export const LET_IN = 100;

/** The whole answer to an {@link HttpRequest}; structured-cloneable. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/** The body of every failed answer: `{ error: { code, message, where?, expected?, next? } }`. */
export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly where?: string | undefined;
    readonly expected?: string | undefined;
    readonly next?: string | undefined;
  };
}

/** `message` is what was wrong alone; the other parts stand beside it. */
export function errorBodyOf(thrown: unknown): ErrorBody {
  if (!(thrown instanceof MeanderError))
    return { error: { code: "internal", message: messageOf(thrown) } };
  const { code, what, where, expected, next } = thrown;
  return {
    error: {
      code,
      message: what,
      ...(where === undefined ? {} : { where }),
      ...(expected === undefined ? {} : { expected }),
      ...(next === undefined ? {} : { next }),
    },
  };
}

/** An answer that carries an error. */
export function errorResponse(status: number, error: unknown): HttpResponse {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" },
    body: `${JSON.stringify(errorBodyOf(error))}\n`,
  };
}
