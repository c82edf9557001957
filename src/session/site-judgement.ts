import { MeanderError } from "../base/index.ts";
import { type Asker, maySetPolicy, signature } from "./asker.ts";
import { authorOfStream } from "./authorship.ts";
import { type ControlContext, judgeControl } from "./control-context.ts";
import { type JudgementPorts, passPolicies, scopesOf, tellPolicies } from "./judgement.ts";
import type { PolicyQuestion } from "./policy.ts";
import type { CommandAsker } from "./stream-records.ts";
import type { JudgeAction } from "./stream-requests.ts";

/** What a site is answered that has asked for a judgement. */
export interface JudgeAnswer {
  /** How long it holds, where it is a right that is kept, ms. */
  readonly forMs: number;
}

/** What a site asks about itself, by whom. */
type SiteQuestion = PolicyQuestion & { readonly action: "client-attach" | "configure" };

/**
 * The policies that judge something at a site. To attach shells, those are not asked that who attaches may set: they
 * could lock their own owners out. [A60]
 */
export function scopesAtSite(question: SiteQuestion, by: Asker | undefined): readonly string[] {
  const scopes = scopesOf(question);
  if (question.action === "configure" || by === undefined) return scopes;
  return scopes.filter((scope) => !maySetPolicy(by, scope, undefined));
}

/**
 * Has the policies judge for a site something that happens there: it asks where one of them is code. What is about its
 * own streams and its own configuration it could do unasked, so it is believed about who wants it.
 *
 * @param site that asks
 * @param by who wants it, established; undefined: the site is believed
 * @throws {MeanderError} `denied`, `token-denied`, `stream-unknown`, `principal-refused`
 */
export async function judgeAction(
  context: ControlContext,
  { action, stream, ...claim }: JudgeAction & CommandAsker,
  site: string,
  by: Asker | undefined,
): Promise<JudgeAnswer | null> {
  switch (action) {
    case "client-detach":
      await tellPolicies(context, { ...signatureOf(claim), action, site });
      return null;
    case "client-attach":
    case "configure": {
      const question = { ...(by === undefined ? signatureOf(claim) : signature(by)), action, site };
      const { forMs } = await passPolicies(context, question, {
        scopes: scopesAtSite(question, by),
      });
      return { forMs };
    }
    case "inspect": {
      if (by === undefined || stream === undefined) throw incomplete(action);
      const { record } = await context.store.get(stream);
      await judgeControl(context, { action, by, stream, site: record.site, record });
      return null;
    }
    case "open": {
      if (stream === undefined) throw incomplete(action);
      const { record } = await context.store.get(stream);
      if (record.site !== site) throw elsewhere(stream, record.site, site);
      const author = await authorOfSender(context, claim.by);
      const question = { ...signatureOf(claim), action, stream, site, author };
      const { forMs } = await passPolicies(context, question, { owner: record.owner });
      return { forMs };
    }
  }
}

/**
 * Judges that a site joins: by its own name, which belongs to the token that it came with [A40].
 *
 * @throws {MeanderError} `denied`
 */
export async function judgeJoin(ports: JudgementPorts, site: string): Promise<void> {
  await passPolicies(ports, { action: "join", by: `site:${site}`, site });
}

/** Tells the policies that a site has left. */
export async function tellLeave(ports: JudgementPorts, site: string): Promise<void> {
  await tellPolicies(ports, { action: "leave", by: `site:${site}`, site });
}

/** Who wrote all the code of a stream that appends. */
async function authorOfSender({ store }: ControlContext, by: string): Promise<string | undefined> {
  if (!by.startsWith("stream:")) return undefined;
  const sender = await store.find(by.slice("stream:".length));
  return sender === undefined ? undefined : authorOfStream(sender.record.agents);
}

function signatureOf({ by, label }: CommandAsker): CommandAsker {
  return label === undefined ? { by } : { by, label };
}

function incomplete(action: string): MeanderError {
  return new MeanderError("request-invalid", `${action} is about a stream`, {
    where: "request judge-action: stream",
  });
}

function elsewhere(stream: string, at: string, site: string): MeanderError {
  return new MeanderError("principal-refused", `the stream is at site ${at}`, {
    where: `request of site ${site} for stream ${stream}`,
    expected: "the site where the stream is",
  });
}
