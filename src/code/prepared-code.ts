/** Code that an executor evaluates: one expression, whose value is an agent's definition or a single handler. */
export interface PreparedCode {
  /** Of its bytes (`encodeCode`), in hex: its name everywhere, and that of its blob. */
  readonly sha256: string;
  /** JavaScript: types stripped, module syntax rewritten, no free variables, no text that SES rejects. */
  readonly expression: string;
  /** What was uploaded, kept for people. */
  readonly source: string;
}
