import type { DefinitionFields } from "../define/index.ts";
import type { HandlerName } from "../model.ts";

/** What a definition says besides its code: plain data. */
export interface DefinitionDescription extends DefinitionFields {
  /** What it starts with, packed; an empty object when it has none. */
  readonly briefcase: Uint8Array;
  /** The events it has handlers for. */
  readonly handlers: readonly HandlerName[];
}

/**
 * Evaluates prepared code, runs no handler, and returns what the definition says.
 *
 * @param expression of `PreparedCode`
 * @throws {MeanderError} `code-failed` (its evaluation threw, or exceeded its time or memory), `code-invalid` (not a
 *   definition), `agent-invalid` (an invalid field), `value-uncloneable` (the briefcase)
 */
export type DescribeDefinition = (expression: string) => Promise<DefinitionDescription>;
