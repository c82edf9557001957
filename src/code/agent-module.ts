/** Code of an agent as text. */
export interface AgentModule {
  /** TypeScript or JavaScript: a module whose default export is an definition (`defineAgent`). */
  readonly source: string;
  /** Its file, for errors. */
  readonly file?: string | undefined;
}
