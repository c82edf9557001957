import { isName, MeanderError } from "../base/index.ts";

/**
 * Who makes a request. Each kind is established by the party that can check it, never by the one that asks: a subject
 * by its token, a site by its membership, a stream by where its record says that it is. A name that somebody chose for
 * itself (the label of a shell) is none of these.
 */
export type Principal =
  /** A shell or viewer where no token is required. It cannot act as another. */
  | { readonly kind: "anonymous" }
  /** Whom a token was issued for, its `sub`. */
  | { readonly kind: "subject"; readonly name: string }
  /** A member of the session. */
  | { readonly kind: "site"; readonly name: string }
  /** The agents of a stream; `author`: the public key that signed its code, when all of it is signed. */
  | { readonly kind: "stream"; readonly name: string; readonly author?: string | undefined };

/** The principal of those who show nothing where nothing is required. */
export const ANONYMOUS: Principal = Object.freeze({ kind: "anonymous" });

/** A public key: 32 bytes, base64url. */
const KEY_ID = /^[A-Za-z0-9_-]{43}$/;
const NAMED = { subject: "token", site: "site", stream: "stream" } as const;
const AUTHOR = "~";

/**
 * A principal as text, one for each: `anonymous`, `subject:alice`, `site:north`, `stream:radio`, and with an author
 * `stream:radio~KEY`. In records, logs and the patterns of policies.
 */
export function principalText(principal: Principal): string {
  if (principal.kind === "anonymous") return principal.kind;
  const author = principal.kind === "stream" ? principal.author : undefined;
  return `${principal.kind}:${principal.name}${author === undefined ? "" : AUTHOR + author}`;
}

/** Reads what {@link principalText} made. @throws {MeanderError} `principal-invalid` */
export function readPrincipal(text: string): Principal {
  if (text === "anonymous") return ANONYMOUS;
  const colon = text.indexOf(":");
  const kind = text.slice(0, Math.max(colon, 0));
  const rest = text.slice(colon + 1);
  if (kind === "subject" || kind === "site" || kind === "stream") {
    const cut = kind === "stream" ? rest.indexOf(AUTHOR) : -1;
    const name = cut < 0 ? rest : rest.slice(0, cut);
    const author = cut < 0 ? undefined : rest.slice(cut + 1);
    const isWell = isName(NAMED[kind], name) && (author === undefined || KEY_ID.test(author));
    if (isWell && kind === "stream" && author !== undefined) return { kind, name, author };
    if (isWell) return { kind, name };
  }
  throw new MeanderError("principal-invalid", `got ${JSON.stringify(text.slice(0, 100))}`, {
    where: "principal",
    expected: "anonymous, subject:NAME, site:NAME or stream:NAME, the last also with ~KEY",
  });
}

/** Whether two are the same, whoever wrote the code of a stream. */
export function isSamePrincipal(one: Principal, other: Principal): boolean {
  if (one.kind === "anonymous" || other.kind === "anonymous") return one.kind === other.kind;
  return one.kind === other.kind && one.name === other.name;
}
