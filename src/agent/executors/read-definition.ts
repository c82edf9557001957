import { MeanderError } from "../../base/index.ts";
import { HANDLER_NAMES, type Handler, type HandlerName } from "../model.ts";

/** What a runner needs of a definition. */
export interface ReadDefinition {
  readonly on: object;
  readonly handlers: ReadonlyMap<HandlerName, Handler>;
}

/**
 * The handlers of what a program evaluated to.
 *
 * @param where `stream/agent`, for errors
 * @throws {MeanderError} `code-invalid`
 */
export function readDefinition(value: unknown, where: string): ReadDefinition {
  const invalid = (what: string, expected: string): MeanderError =>
    new MeanderError("code-invalid", what, { where, expected });
  let on: unknown;
  let entries: [string, unknown][];
  try {
    on = (value as { readonly on?: unknown } | null | undefined)?.on;
    if (typeof on !== "object" || on === null) {
      throw invalid("not a definition", "an object with `on`, the handlers by event");
    }
    entries = Object.entries(on);
  } catch (thrown) {
    // Reading it may run its code.
    throw thrown instanceof MeanderError ? thrown : invalid("it cannot be read", "plain data");
  }
  const handlers = new Map<HandlerName, Handler>();
  for (const [event, handler] of entries) {
    if (handler === undefined) continue;
    if (!isHandlerName(event)) {
      throw invalid(`there is no event ${JSON.stringify(event)}`, HANDLER_NAMES.join(", "));
    }
    if (typeof handler !== "function") throw invalid(`on.${event} is not a function`, "a function");
    handlers.set(event, handler as Handler);
  }
  return { on, handlers };
}

function isHandlerName(event: string): event is HandlerName {
  return (HANDLER_NAMES as readonly string[]).includes(event);
}
