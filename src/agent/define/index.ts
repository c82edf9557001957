/**
 * Defining agents: what a definition and a spec may be, and their text. Runs in browsers too.
 *
 * @module
 */
export { HANDLER_NAMES } from "../model.ts";
export { defineAgent } from "./define-agent.ts";
export { agentNameSchema, checkDefinition, type DefinitionFields } from "./definition-fields.ts";
export { definitionSource, handlerSource, type ModuleText } from "./definition-source.ts";
export { agentSpecSchema, makeSpec, type SpecParts } from "./spec.ts";
