import { MeanderError } from "../../base/index.ts";
import { packValue } from "../../wire/index.ts";
import { checkDefinition } from "../define/index.ts";
import { AgentCompartment } from "../executors/agent-compartment.ts";
import { AgentErrors } from "../executors/agent-errors.ts";
import { readDefinition } from "../executors/read-definition.ts";
import type { AgentDefinition } from "../model.ts";
import type { DefinitionDescription } from "./description.ts";

/** What code sees of the world while it is evaluated. */
export interface Ambience {
  /** Wall clock, ms. */
  now(): number;
  /** From 0 inclusive to 1 exclusive. */
  random(): number;
}

/**
 * Evaluates prepared code in a new compartment of this thread, which must be locked down. Output is dropped: the code
 * prints it again where it runs.
 *
 * @throws {MeanderError} as `UploadReader.agent`; nothing else, whatever the code does, unless it never ends
 */
export function readDescription(
  expression: string,
  { now, random }: Ambience,
): DefinitionDescription {
  const file =
    /\n\/\/# sourceURL=(\S+)\nreturn [^\n]*\n\}\)\([^\n]*$/.exec(expression)?.[1] ?? "agent";
  const source = `agent:${file}@description`;
  const errors = new AgentErrors("agent", source);
  const output = { print: () => {} };
  const compartment = new AgentCompartment(source, { now, random, output });
  let value: unknown;
  try {
    value = compartment.evaluate(expression);
  } catch (thrown) {
    throw new MeanderError("code-failed", errors.describe(thrown), { where: file });
  }
  try {
    return descriptionOf(value, file);
  } catch (thrown) {
    if (thrown instanceof MeanderError) throw thrown;
    // Reading it may run its code.
    throw new MeanderError("code-invalid", errors.describe(thrown), { where: file });
  }
}

function descriptionOf(value: unknown, file: string): DefinitionDescription {
  readDefinition(value, file);
  const definition = copyOf(value as AgentDefinition);
  try {
    checkDefinition(definition);
    const { name, isolation, limits, onError, briefcase, on } = definition;
    const { handlers } = readDefinition({ on }, file);
    return {
      ...(name === undefined ? {} : { name }),
      ...(isolation === undefined ? {} : { isolation }),
      ...(limits === undefined ? {} : { limits }),
      ...(onError === undefined ? {} : { onError }),
      briefcase: packValue(briefcase ?? {}),
      handlers: [...handlers.keys()],
    };
  } catch (thrown) {
    if (!(thrown instanceof MeanderError)) throw thrown;
    const { code, what, where, expected } = thrown;
    throw new MeanderError(code, what, {
      where: `${file}: ${where?.replace(/^(the value itself|value)/, "briefcase") ?? "the definition"}`,
      ...(expected === undefined ? {} : { expected }),
    });
  }
}

/** Read once: a getter may say something else the next time. */
function copyOf({ ...fields }: AgentDefinition): AgentDefinition {
  const { limits, onError, on } = fields;
  return {
    ...fields,
    ...(isObject(limits) ? { limits: { ...limits } } : {}),
    ...(isObject(onError) ? { onError: { ...onError } } : {}),
    on: { ...on },
  };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
