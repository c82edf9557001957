/** Code that an executor evaluates: one expression, whose value is the default export of the source. */
export interface PreparedCode {
  /** Hash of its bytes (`encodeCode`), in hex: identifies it everywhere, and its blob in the directory. */
  readonly sha256: string;
  /** JavaScript: types stripped, module syntax rewritten, no free variables, no text that SES refuses. */
  readonly expression: string;
  /** The source as it was uploaded, for people. */
  readonly source: string;
}
