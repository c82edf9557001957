import { MeanderError } from "../base/index.ts";

/** What a scope is, for the help and for errors. */
export const SCOPES = "session, sites/NAME or streams/NAME";

/** A scope of a policy; `site/NAME` and `stream/NAME` are accepted, too. @throws {MeanderError} `arguments-invalid` */
export function parseScope(text: string): string {
  if (text === "session") return text;
  const match = /^(site|stream)s?[/:]([^\s/:]+)$/.exec(text);
  if (match !== null) return `${match[1]}s/${match[2]}`;
  throw new MeanderError("arguments-invalid", `got ${JSON.stringify(text)}`, {
    where: "argument <scope>",
    expected: SCOPES,
  });
}
