import type { AgentDefinition } from "../model.ts";
import { checkDefinition } from "./definition-fields.ts";

/**
 * Defines an agent: data, and handlers that use nothing but their arguments and the language.
 *
 * The type of `briefcase` becomes that of `ctx.briefcase` in the handlers. The result is a frozen copy, except for the
 * briefcase, which is shared with the caller.
 *
 * @throws {MeanderError} `agent-invalid`: says which field, and what was expected
 */
export function defineAgent<Briefcase extends object = Record<string, unknown>>(
  definition: AgentDefinition<Briefcase>,
): AgentDefinition<Briefcase> {
  checkDefinition(definition);
  const { limits, onError, on } = definition;
  return Object.freeze({
    ...definition,
    ...(limits === undefined ? {} : { limits: Object.freeze({ ...limits }) }),
    ...(onError === undefined ? {} : { onError: Object.freeze({ ...onError }) }),
    on: Object.freeze(
      Object.defineProperties({}, Object.getOwnPropertyDescriptors(on)) as typeof on,
    ),
  });
}
