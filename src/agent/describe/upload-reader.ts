import type { CodeSource, PreparedCode } from "../../code/index.ts";
import type { DefinitionDescription } from "./description.ts";

/** An agent's module that was read. */
export interface ReadAgent {
  readonly code: PreparedCode;
  readonly definition: DefinitionDescription;
}

/** Reads code that shells and agents upload: checks it, rewrites it into an expression, and reads its definition. */
export interface UploadReader {
  /**
   * Reads an agent's module; runs no handler.
   *
   * @param owner whose upload it is
   * @throws {MeanderError} `code-…`, `agent-invalid` (an invalid field), `value-uncloneable` (the briefcase),
   *   `executor-failed`, `uploads-too-many`
   */
  agent(source: CodeSource, owner: string): Promise<ReadAgent>;
  /** Reads one handler; evaluates nothing. @throws {MeanderError} `code-…`, `executor-failed`, `uploads-too-many` */
  handler(source: CodeSource, owner: string): Promise<PreparedCode>;
}
