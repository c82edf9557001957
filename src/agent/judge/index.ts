/**
 * Policies that are code: agents that judge requests.
 *
 * @module
 */
export { PolicyAgent, type PolicyPlace, type PolicyProgram } from "./policy-agent.ts";
