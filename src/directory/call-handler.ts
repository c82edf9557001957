import { LIMITS, type Log, MeanderError, messageOf } from "../base/index.ts";
import type { Json } from "./directory.ts";
import type { CallHandler } from "./site-calls.ts";
import { encodeJson } from "./value.ts";

/**
 * A copy of the handler's result. Errors other than MeanderErrors are bugs of the handler: they go to the site's log.
 *
 * @throws {MeanderError} what the handler refused with, `site-call-failed`, `directory-value-too-large`,
 *   `directory-value-invalid`
 */
export async function runHandler(handler: CallHandler, payload: Json, log: Log): Promise<Json> {
  try {
    return copyOf("answer of the site", await handler(payload));
  } catch (error) {
    if (error instanceof MeanderError) throw error;
    log.error("A call of the leader failed.", { error: messageOf(error) });
    throw new MeanderError("site-call-failed", "the site could not do what the leader asked", {
      where: "site",
      next: "look into the log of the site",
    });
  }
}

/** The value as it arrives elsewhere. @throws {MeanderError} `directory-value-too-large`, `directory-value-invalid` */
export function copyOf(where: string, value: Json): Json {
  return JSON.parse(encodeJson(where, value, LIMITS.siteCallBytesMax)) as Json;
}
