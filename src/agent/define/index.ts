/**
 * Defining agents: definitions and specs, their text, and what agents and shells see. Also runs in browsers.
 *
 * @module
 */
export * from "../model.ts";
export type * from "../session-port.ts";
export { defineAgent } from "./define-agent.ts";
export {
  agentLimitsSchema,
  agentNameSchema,
  checkDefinition,
  type DefinitionFields,
} from "./definition-fields.ts";
export { definitionSource, handlerSource, type ModuleText } from "./definition-source.ts";
export { agentSpecSchema, makeSpec, type SpecParts } from "./spec.ts";
