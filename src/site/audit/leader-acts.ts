import type { Clock } from "../../base/index.ts";
import type { Caller, RequestHandler } from "../../directory/index.ts";
import {
  type Audit,
  type AuditAction,
  type AuditFacts,
  auditOutcome,
  authorSchema,
  principalText,
  readPrincipal,
} from "../../trust/index.ts";
import type { Guard } from "../access/guard.ts";

/** What {@link auditedRequests} works with. */
export interface LeaderActsOptions {
  readonly audit: Audit;
  /** Knows the tokens that were shown. */
  readonly guard: Pick<Guard, "grantOf" | "who">;
  /** The leading site. */
  readonly site: string;
  readonly clock: Clock;
}

/** A request as JSON has it: nothing in it is checked. */
type Payload = Readonly<Record<string, unknown>>;

/** What the audit log says of a request to the leader. */
interface LeaderAct {
  readonly what: AuditAction | ((payload: Payload) => AuditAction);
  readonly on: (payload: Payload) => string;
  /** `refusals`: it is a site's own business; `passed-on`: where it was asked, it is noted already. Default: always. */
  readonly noted?: "refusals" | "passed-on" | "refusals-passed-on";
}

const ACTS: Readonly<Record<string, LeaderAct>> = {
  "create-stream": {
    what: "stream.create",
    on: (p) => `stream ${text(p["name"])} at ${text(p["at"])}`,
  },
  "move-stream": { what: "stream.move", on: (p) => `${stream(p)} to ${text(p["to"])}` },
  "attach-agent": {
    what: "stream.attach",
    on: (p) => `${stream(p)}, ${specOf(p["spec"])}${signedBy(p)}`,
  },
  "detach-agent": { what: "stream.detach", on: (p) => `${stream(p)}, agent ${text(p["agent"])}` },
  "replace-handler": {
    what: "stream.replace",
    on: (p) =>
      `${stream(p)}, agent ${text(p["agent"])}, ${text(p["event"])}, ${codeOf(p["code"])}${signedBy(p)}`,
  },
  "destroy-stream": { what: "stream.destroy", on: stream },
  "evacuate-site": { what: "site.evacuate", on: (p) => `site ${text(p["site"])}` },
  "set-policy": {
    what: "policy.set",
    on: (p) => `policy ${text(p["scope"])}, ${policyOf(p["rules"])}${signedBy(p)}`,
  },
  "judge-action": {
    what: ({ action }) => JUDGED[text(action)] ?? "leader.request",
    on: (p) => (p["stream"] === undefined ? "the site that asks" : stream(p)),
    noted: "refusals-passed-on",
  },
  "rollback-policy": {
    what: "policy.rollback",
    on: ({ scope, number }) =>
      `policy ${text(scope)}, ${number === undefined ? "the one of before" : `number ${text(number)}`}`,
  },
  "try-policy": {
    what: "policy.try",
    on: ({ scope, rules }) => `policy ${text(scope)}, ${policyOf(rules)}`,
  },
  "policy-history": {
    what: "policy.read",
    on: ({ scope }) => (scope === undefined ? "all policies" : `policy ${text(scope)}`),
    noted: "refusals",
  },
  join: { what: "session.join", on: ({ site }) => `site ${text(partsOf(site)["name"])}` },
  leave: { what: "session.leave", on: ({ name }) => `site ${text(name)}` },
  "create-token": {
    what: "token.create",
    on: ({ name, can }) =>
      `a token of ${text(name)}: ${Array.isArray(can) ? can.map(text).join(", ") : "?"}`,
    noted: "passed-on",
  },
  "list-tokens": { what: "token.list", on: () => "the session's tokens", noted: "passed-on" },
  "revoke-tokens": {
    what: "token.revoke",
    on: ({ id, name }) => (id === undefined ? `tokens of ${text(name)}` : `token ${text(id)}`),
    noted: "passed-on",
  },
  "renew-membership": { what: "token.renew", on: ({ site }) => `a token of site ${text(site)}` },
};

/** What sites have judged of what happens there, as the log calls it. */
const JUDGED: Readonly<Record<string, AuditAction>> = {
  open: "stream.append",
  inspect: "stream.inspect",
  "client-attach": "shell.attach",
  configure: "config.set",
};

function policyOf(rules: unknown): string {
  if (!Array.isArray(rules)) return codeOf(partsOf(rules)["code"]);
  if (rules.length === 0) return "none";
  return rules.length === 1 ? "1 rule" : `${rules.length} rules`;
}

/** Has the requests of sites to their leader answered by `handler`, and notes who asked for what, and what became of it. */
export function auditedRequests(
  options: LeaderActsOptions,
  handler: RequestHandler,
): RequestHandler {
  const { audit, clock } = options;
  return async (subject, payload, caller) => {
    const began = clock.now();
    const note = (outcome: Pick<AuditFacts, "verdict" | "rule" | "reason">): void => {
      const ms = clock.now() - began;
      const asked = partsOf(payload);
      const act = Object.hasOwn(ACTS, subject) ? ACTS[subject] : undefined;
      if (!isNoted(act, caller, outcome)) return;
      const on = act?.on(asked) ?? `request ${text(subject)}`;
      const { what = "leader.request" } = act ?? {};
      const about = { what: typeof what === "string" ? what : what(asked), on, ms };
      audit.note({ ...whoAsks(options, asked, caller, outcome), ...about, ...outcome });
    };
    try {
      const answer = await handler(subject, payload, caller);
      note({ verdict: "allowed", rule: ruleOf(subject) });
      return answer;
    } catch (error) {
      note(auditOutcome(error));
      throw error;
    }
  };
}

function isNoted(
  act: LeaderAct | undefined,
  caller: Caller,
  { verdict }: Pick<AuditFacts, "verdict">,
): boolean {
  if (act?.noted === "passed-on" && caller.kind === "leader") return false;
  if (act?.noted === "refusals-passed-on" && caller.kind === "leader") return false;
  const isQuiet = act === undefined || act.noted?.startsWith("refusals") === true;
  // Where a site's own business fails, that site logs it.
  return isQuiet ? verdict === "denied" : true;
}

/** What a claim of the payload says counts when the request was not refused because of it. */
function whoAsks(
  { guard, site }: LeaderActsOptions,
  asked: Payload,
  caller: Caller,
  { rule }: Pick<AuditFacts, "rule">,
): Pick<AuditFacts, "by" | "label" | "token" | "from"> {
  const from =
    caller.kind === "leader" || caller.site === undefined ? undefined : `site ${caller.site}`;
  const itself = principalText(
    caller.kind === "leader" ? { kind: "site", name: site } : caller.principal,
  );
  const shown = asked["authority"] ?? asked["token"];
  const grant = typeof shown === "string" ? guard.grantOf(shown) : undefined;
  if (asked["authority"] !== undefined) return { ...guard.who(grant), from };
  const { by, label } = asked;
  const claimed = principalIn(by);
  const isBelieved = rule !== "principal-refused" && rule !== "principal-invalid";
  const name = isBelieved && claimed === undefined ? by : label;
  return {
    ...(isBelieved && claimed !== undefined ? { by: claimed, token: grant?.id } : { by: itself }),
    ...(typeof name === "string" ? { label: name } : {}),
    from,
  };
}

function principalIn(by: unknown): string | undefined {
  try {
    return typeof by === "string" ? principalText(readPrincipal(by)) : undefined;
  } catch {
    return undefined;
  }
}

function ruleOf(subject: string): string {
  if (subject === "join" || subject === "leave" || subject === "renew-membership")
    return "right join";
  return subject.endsWith("-token") || subject.endsWith("-tokens")
    ? "right administer"
    : "policies";
}

function stream(payload: Payload): string {
  return `stream ${text(payload["stream"])}`;
}

function specOf(spec: unknown): string {
  const { name, code } = partsOf(spec);
  return `agent ${text(name)}, ${codeOf(code)}`;
}

/** Whose signature it came with; the verdict says whether that was right. */
function signedBy({ signed }: Payload): string {
  const author = authorSchema.safeParse(partsOf(signed)["author"]).data;
  return author === undefined ? "" : `, signed by ${author}`;
}

function codeOf(hash: unknown): string {
  return typeof hash === "string" ? `code ${hash}` : "no code";
}

function partsOf(value: unknown): Payload {
  return typeof value === "object" && value !== null ? (value as Payload) : {};
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? `${value}` : "?";
}
