/** The token of a request; undefined when there is none, and the header's text when it is not a bearer token. */
export function bearerOf(header: string | undefined): string | undefined {
  return header === undefined ? undefined : header.replace(/^Bearer +/i, "").trim();
}
