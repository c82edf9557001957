import { MeanderError } from "../base/index.ts";
import { ANONYMOUS, type Principal, principalText } from "../trust/index.ts";
import { allowsSite, allowsStream, type Right, type TokenRights } from "./access.ts";
import type { CommandAsker, StreamAction, StreamRecord } from "./stream-records.ts";

/** Who asks, as established by whoever could check it. docs/spec/access.md [A30] */
export interface Asker {
  readonly principal: Principal;
  /** The principal as text, without the author of its code: what owners are written as. */
  readonly text: string;
  /** The name that a shell has chosen for itself; undefined: none, or it is a stream's. It decides nothing. */
  readonly label: string | undefined;
  /** What its token allows; undefined: it has shown none, and needs none. */
  readonly token: TokenRights | undefined;
  /** Whether it controls all streams and may change all policies. */
  readonly administers: boolean;
  /** Whose the code is that it uploads: agents of one owner share a process. */
  readonly codeOwner: string;
}

/** What a shell has shown when it attached. */
export interface ShellIdentity {
  readonly principal: Principal;
  /** The token itself, which the leader is shown with each request; undefined: none is required. */
  readonly token: string | undefined;
  /** What the token allows. */
  readonly rights: TokenRights | undefined;
}

/** The identity of a shell where no token is required. */
export const ANONYMOUS_SHELL: ShellIdentity = Object.freeze({
  principal: ANONYMOUS,
  token: undefined,
  rights: undefined,
});

/** What is known of an asker, before it is made one. */
export interface AskerParts {
  readonly principal: Principal;
  readonly label?: string | undefined;
  readonly token?: TokenRights | undefined;
  /** Whether it controls all streams, whatever its token says. */
  readonly administers: boolean;
  /** The site that it asks at. */
  readonly site: string;
}

/** Puts together who asks. */
export function makeAsker({ principal, label, token, administers, site }: AskerParts): Asker {
  return {
    ...{ principal, label, token },
    text: ownerText(principal),
    administers: administers || token?.can.includes("administer") === true,
    codeOwner: codeOwner(principal, label, site),
  };
}

/** A principal as the owner of something: whoever wrote the code of a stream. */
export function ownerText(principal: Principal): string {
  return principal.kind === "stream"
    ? principalText({ kind: "stream", name: principal.name })
    : principalText(principal);
}

/**
 * Whose the code is that a principal uploads. Shells without tokens are told apart by label and site, which keeps the
 * faults of one from the others, and is no protection.
 */
export function codeOwner(principal: Principal, label: string | undefined, site: string): string {
  return principal.kind === "anonymous" ? `anonymous:${label ?? ""}@${site}` : ownerText(principal);
}

/** Who asked, as the leader tells sites. */
export function signature({ text, label }: Asker): CommandAsker {
  return label === undefined ? { by: text } : { by: text, label };
}

/**
 * Who asked, and who wrote the code concerned: what is brought by a request that brings code, what asks otherwise.
 * [A72]
 *
 * @param author of the code that is brought
 */
export function commandAsker(by: Asker, action: StreamAction, author?: string): CommandAsker {
  const { principal } = by;
  const own = principal.kind === "stream" ? principal.author : undefined;
  const asking = own === undefined ? undefined : `ed25519:${own}`;
  const concerned = CODE.includes(action) ? author : asking;
  return concerned === undefined ? signature(by) : { ...signature(by), author: concerned };
}

/**
 * [A32] Whether a principal controls a stream without a policy that lets it: it created the stream, or it is its agents
 * that ask, or it administers the session.
 */
export function controls(
  { administers, text }: Asker,
  { name, owner }: Pick<StreamRecord, "name" | "owner">,
): boolean {
  return administers || owner === text || text === `stream:${name}`;
}

/** The refusal of one that does not control a stream. */
export function notYours(
  { text }: Asker,
  action: StreamAction,
  { name, owner }: Pick<StreamRecord, "name" | "owner">,
): MeanderError {
  return new MeanderError("denied", `${text} may not ${action} ${name}, which ${owner} created`, {
    where: `stream ${name}`,
    expected: "its owner, its own agents, or one that a policy of the stream or session allows it",
    next: `have its owner run \`meander policy set streams/${name}\` with a rule for by: ${text}`,
  });
}

/**
 * [A33] Whether a principal may read and set the rules of a scope. No policy judges that: it could lock everybody out.
 *
 * @param scope `session`, `sites/NAME`, `streams/NAME`
 * @param record the stream's, if there is such a stream
 */
export function maySetPolicy(
  by: Asker,
  scope: string,
  record: Pick<StreamRecord, "name" | "owner"> | undefined,
): boolean {
  const { token, administers } = by;
  if (administers) return true;
  const [kind, name = ""] = scope.split("/");
  if (kind === "streams" && record !== undefined && controls(by, record)) {
    // A viewer's token is shown to sites that must not control the streams of its subject by it.
    if (token === undefined || allowsStream(token, "shell", name)) return true;
  }
  if (kind === "sites" && by.text === principalText({ kind: "site", name })) return true;
  if (token === undefined) return false;
  if (kind === "streams") return allowsStream(token, "policy", name);
  if (kind === "sites") return allowsSite(token, "policy", name);
  const isForAll = token.streams.includes("*") && token.sites.includes("*");
  return isForAll && token.can.includes("policy");
}

/** Actions that bring code. */
const CODE: readonly StreamAction[] = ["attach", "replace"];
/** Actions after which a stream is at the site that is named. */
const PLACED: readonly StreamAction[] = ["create", "move"];

/**
 * [A31] Checks that the token of a subject covers an action, whoever owns the stream.
 *
 * @throws {MeanderError} `token-denied`
 */
export function checkScope(
  { token }: Pick<Asker, "token">,
  {
    action,
    stream,
    site,
  }: { readonly action: StreamAction; readonly stream: string; readonly site: string },
): void {
  if (token === undefined) return;
  if (!allowsStream(token, "shell", stream)) throw outOfScope(token, "shell", `stream ${stream}`);
  if (PLACED.includes(action) && !allowsSite(token, "shell", site))
    throw outOfScope(token, "shell", `site ${site}`);
  if (!CODE.includes(action)) return;
  if (!allowsStream(token, "code", stream)) throw outOfScope(token, "code", `stream ${stream}`);
  if (!allowsSite(token, "code", site)) throw outOfScope(token, "code", `site ${site}`);
}

/** The refusal of a token that does not allow something. */
export function outOfScope({ name, can }: TokenRights, right: Right, what: string): MeanderError {
  return new MeanderError("token-denied", `the token of ${name} allows ${can.join(", ")}`, {
    where: what,
    expected: `a token that allows ${right} on ${what}`,
    next: "get one with `meander token create`, where the session is administered",
  });
}
