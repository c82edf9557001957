/** Code as text, as its author wrote it. */
export interface CodeSource {
  /** TypeScript or JavaScript: a module with a default export. */
  readonly source: string;
  /** Name of its file, for errors. JavaScript when it ends with `.js`, `.mjs` or `.cjs`. */
  readonly file?: string | undefined;
}
