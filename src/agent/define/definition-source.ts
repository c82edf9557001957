import { MeanderError } from "../../base/index.ts";
import { type AgentDefinition, HANDLER_NAMES, type Handler } from "../model.ts";
import { checkDefinition } from "./definition-fields.ts";
import { functionText } from "./function-text.ts";

/** Text of a module with a default export. */
export interface ModuleText {
  readonly source: string;
}

/**
 * The text of a module that has this definition as its default export: how functions reach a site.
 *
 * The briefcase is left out; it travels packed, as a value.
 *
 * @throws {MeanderError} `agent-invalid`: not a definition, or a handler whose text cannot be sent (bound, built in, a
 *   generator, an accessor)
 */
// biome-ignore lint/suspicious/noExplicitAny: definitions of all briefcases, whose handlers differ
export function definitionSource(definition: AgentDefinition<any>): ModuleText {
  checkDefinition(definition);
  const fields: string[] = [];
  for (const key of ["name", "isolation", "limits", "onError"] as const) {
    if (definition[key] !== undefined) fields.push(`  ${key}: ${JSON.stringify(definition[key])},`);
  }
  const handlers = HANDLER_NAMES.flatMap((event) => {
    const property = Object.getOwnPropertyDescriptor(definition.on, event);
    if (property === undefined) return [];
    const where = `on.${event}`;
    if (!("value" in property)) {
      throw new MeanderError("agent-invalid", "it is an accessor", {
        where,
        expected: "a function",
      });
    }
    if (property.value === undefined) return [];
    return [`    ${event}: ${functionText(property.value as Handler, where)},`];
  });
  const value = ["{", ...fields, "  on: {", ...handlers, "  },", "}"].join("\n");
  return moduleText(value);
}

/**
 * The text of a module that has this handler as its default export. Text stays as it is.
 *
 * @throws {MeanderError} `agent-invalid` for functions without text that can be sent
 */
export function handlerSource(handler: Handler | string): ModuleText {
  if (typeof handler === "string") return { source: handler };
  if (typeof handler !== "function") {
    throw new MeanderError("agent-invalid", `got ${typeof handler}`, {
      where: "the handler",
      expected: "a function, or the text of one",
    });
  }
  return moduleText(functionText(handler, "the handler"));
}

/** esbuild, and so tsx, put calls of `__name` into functions; it only sets their names. */
function moduleText(value: string): ModuleText {
  const naming = value.includes("__name(") ? "const __name = (fn) => fn; " : "";
  return { source: `${naming}export default ${value};\n` };
}
