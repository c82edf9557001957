import type { DefinitionFields } from "../define/index.ts";
import type { HandlerName } from "../model.ts";

/** What a definition says besides its code: plain data. */
export interface DefinitionDescription extends DefinitionFields {
  /** What it starts with, packed; an empty object when it has none. */
  readonly briefcase: Uint8Array;
  /** The events it has handlers for. */
  readonly handlers: readonly HandlerName[];
}
