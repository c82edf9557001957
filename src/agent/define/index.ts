/**
 * Defining agents, and their text. Runs in browsers too.
 *
 * @module
 */
export { defineAgent } from "./define-agent.ts";
export {
  agentLimitsSchema,
  agentNameSchema,
  checkDefinition,
  type DefinitionFields,
  errorPolicySchema,
  isolationSchema,
} from "./definition-fields.ts";
export { definitionSource, handlerSource, type ModuleText } from "./definition-source.ts";
