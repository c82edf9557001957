/**
 * What the directory keeps of streams, and what the leader and the sites say to each other about them.
 *
 * | key | value |
 * |---|---|
 * | `streams/NAME` | {@link StreamRecord} |
 * | `ids/stream` | the last stream id given away |
 * | `policy-history/…` | the policies that the scope has and had: `PolicyEntry` |
 * | `policy/session`, `policy/sites/NAME`, `policy/streams/NAME` | a list of {@link PolicyRule} |
 * | `finalize/SITE/ID` | agents whose finalize handler is still due there |
 */
import type { AgentSpec, HandlerName } from "../agent/define/index.ts";
import type { Durability } from "../stream/index.ts";
import type { NamedRoom } from "../wire/index.ts";

/** An agent as its stream's record has it. */
export interface AgentRecord {
  readonly spec: AgentSpec;
  /** The packed briefcase that it was attached with, base64. */
  readonly briefcase: string;
  /** [A70] Who signed its code: `ed25519:KEY`. Undefined: it is not signed. */
  readonly author?: string | undefined;
  /** Who signed its replaced handlers, by event. */
  readonly handlers?: Readonly<Partial<Record<HandlerName, string>>> | undefined;
}

/** A stream as the session knows it. */
export interface StreamRecord {
  readonly name: string;
  /** u32 >= 1, never used again. */
  readonly id: number;
  /** One more with every move and every takeover; lower ones are refused everywhere. */
  readonly streamEpoch: number;
  /** Where it is. */
  readonly site: string;
  readonly instance: number;
  /**
   * The move that brought it there; none after its creation or a takeover. A site that holds the state of a move makes
   * it the stream only when it finds that move here: the same site and streamEpoch may come from a takeover.
   */
  readonly move?: string | undefined;
  /** `lost`: its site ended and no failure manager has it yet; `why` says what it waits for. */
  readonly status: "live" | "lost";
  readonly why?: string | undefined;
  readonly durability: Durability;
  /** Ordered; the leading site is always the last, named or not. */
  readonly failureManagers: readonly string[];
  /** The site that keeps its record (durability `checkpoint` and `message`). */
  readonly keeper: string;
  readonly agents: readonly AgentRecord[];
  /** Sites it has been at. */
  readonly visited: readonly string[];
  /** The principal that created it, as text. Names of earlier versions prove nothing, and are read as `anonymous`. */
  readonly owner: string;
  /** Wall clock, ms. */
  readonly createdAt: number;
}

/** What is judged of streams. */
export const STREAM_ACTIONS = [
  "create",
  "move",
  "attach",
  "detach",
  "replace",
  "destroy",
  "append",
  "inspect",
  "dead-letter",
] as const;
export type StreamAction = (typeof STREAM_ACTIONS)[number];

/** What policies judge: what rules name. */
export const POLICY_ACTIONS = [
  ...STREAM_ACTIONS,
  "policy",
  "join",
  "client-attach",
  "configure",
] as const;
export type PolicyAction = (typeof POLICY_ACTIONS)[number];

/**
 * One rule; the first that matches decides, and a list in which none matches allows. Patterns are names with `*` for
 * any part.
 */
export interface PolicyRule {
  readonly effect: "allow" | "deny";
  readonly actions: readonly (PolicyAction | "*")[];
  /**
   * Who asks, a pattern of principals: `subject:alice`, `stream:radio-*`, `site:north`, `anonymous`. Default `*`. Rules
   * of earlier versions have a name here, which is compared with labels and names of streams.
   */
  readonly by?: string | undefined;
  /** The name that a shell has chosen for itself. No protection: others may choose it, too. */
  readonly label?: string | undefined;
  /** [A72] Who wrote the code: `ed25519:KEY`; code without that author does not match. */
  readonly author?: string | undefined;
  /** The stream it is about. Default `*`. */
  readonly stream?: string | undefined;
  /** The site that it would be at. Default `*`. */
  readonly site?: string | undefined;
  /** Hash of the code that comes with it, or its beginning and `*`. A rule that has it matches nothing without code. */
  readonly hash?: string | undefined;
  /** For the requester that was denied. */
  readonly reason?: string | undefined;
}

/** Who asked for a command: established by the leader. */
export interface CommandAsker {
  /** The principal, as text. */
  readonly by: string;
  /** The name that a shell has chosen for itself. */
  readonly label?: string | undefined;
  /** [A72] Who wrote the code that is brought or, where none is, that asks. */
  readonly author?: string | undefined;
}

/**
 * Calls of the leader to a site. Each may arrive twice and, at a site that stood still, after the leader gave up on it:
 * a stream that its record has elsewhere, or at a higher streamEpoch, is not created, taken over or accepted.
 */
export type SiteCommand =
  /** Answered with null; as are the others unless said. Refusals are errors. */
  | ({ readonly type: "stream-create"; readonly record: StreamRecord } & CommandAsker)
  /**
   * To the source: ends the current message, freezes the stream, sends its state to the target. Answers `{bytes}` when
   * the target has it ready. It stays frozen until its record shows the move, or `move-abort`.
   */
  | ({
      readonly type: "move-out";
      readonly record: StreamRecord;
      readonly to: { readonly site: string; readonly instance: number };
      readonly move: string;
      readonly deadlineMs: number;
    } & CommandAsker)
  /** To source and target. */
  | { readonly type: "move-abort"; readonly id: number; readonly move: string }
  | ({
      readonly type: "agent-attach";
      readonly record: StreamRecord;
      readonly spec: AgentSpec;
      readonly briefcase: string;
    } & CommandAsker)
  | ({
      readonly type: "agent-detach";
      readonly record: StreamRecord;
      readonly agent: string;
    } & CommandAsker)
  | ({
      readonly type: "handler-replace";
      readonly record: StreamRecord;
      readonly agent: string;
      readonly event: string;
      readonly code: string | null;
    } & CommandAsker)
  /** At the site where it is; the other visited ones get `finalize`. */
  | ({ readonly type: "stream-destroy"; readonly record: StreamRecord } & CommandAsker)
  /**
   * To the failure manager: takes the stream over, from `state`, which is the unchanged answer to `record-fetch`; when
   * that is null, from the record that it keeps itself as `record.keeper`; without one, from `record`.
   */
  | {
      readonly type: "recover";
      readonly record: StreamRecord;
      readonly lostSite: string;
      readonly state: string | null;
    }
  /**
   * At the keeper: the stream's record, base64; null when there is none. From now on commits of lower epochs are
   * refused.
   */
  | { readonly type: "record-fetch"; readonly id: number; readonly streamEpoch: number }
  /** Runs finalize handlers of agents that were here, and forgets their local state. */
  | {
      readonly type: "finalize";
      readonly id: number;
      readonly stream: string;
      readonly agents: readonly AgentSpec[];
    }
  /**
   * The streams here, frozen ones too: `[{id, streamEpoch, move?}]`; of those in `ids`, when given. A stream that is
   * ready to arrive is listed with the epoch that its move will give it, and that `move`.
   */
  | { readonly type: "residents"; readonly ids?: readonly number[] | undefined }
  /** [A34] That site may ask once for that action on that stream. */
  | {
      readonly type: "permit";
      readonly permit: string;
      readonly site: string;
      readonly stream: string;
      readonly action: "inspect" | "dead-letter";
    }
  /** A sign of life; answered with the site's `SiteRoom`, or null. `rooms`: of the sites, now and then. [W37] */
  | { readonly type: "ping"; readonly rooms?: readonly NamedRoom[] | undefined }
  | {
      readonly type: "site-event";
      readonly event: "joined" | "left" | "failed";
      readonly site: string;
    };

/**
 * Who asks, as the site tells it: a claim, which the leader checks. A site speaks for itself, for the streams that are
 * there, for subjects that have shown it a token, and where no token is required for shells.
 */
export interface AskerClaim extends Omit<CommandAsker, "author"> {
  /** The token that a subject has shown. */
  readonly token?: string | undefined;
}

/**
 * Requests of sites to the leader (the subjects of `Directory.request`).
 *
 * Answered with the {@link StreamRecord} as it is afterwards, unless said otherwise.
 */
export interface ControlRequests {
  "create-stream": AskerClaim & {
    readonly name: string;
    readonly at: string;
    readonly durability: Durability;
    readonly failureManagers: readonly string[];
  };
  /** Answered with a `MoveResult`. */
  "move-stream": AskerClaim & {
    readonly stream: string;
    readonly to: string;
    readonly deadlineMs: number;
  };
  "attach-agent": AskerClaim & {
    readonly stream: string;
    readonly spec: AgentSpec;
    readonly briefcase: string;
    /** An envelope for the source. */
    readonly signed?: unknown;
  };
  "detach-agent": AskerClaim & { readonly stream: string; readonly agent: string };
  "replace-handler": AskerClaim & {
    readonly stream: string;
    readonly agent: string;
    readonly event: string;
    readonly code: string | null;
    /** An envelope for the source. */
    readonly signed?: unknown;
  };
  /** Answered with null. */
  "destroy-stream": AskerClaim & { readonly stream: string };
  /**
   * Asked by source and target of a move that they hear nothing more of: afterwards it is settled, one way or the
   * other. Answers the record.
   */
  "settle-move": { readonly id: number; readonly move: string };
  /** The host has put the record at another keeper. To be asked between moves: it waits for the end of one. */
  "set-keeper": { readonly id: number; readonly streamEpoch: number; readonly keeper: string };
  /** Moves all streams away from a site, which is about to leave. Answered `{moved, failed: [{stream, error}]}`. */
  "evacuate-site": AskerClaim & { readonly site: string };
  /** Answered with `{permit}`, with which the site may ask the stream's for that action, once and soon. */
  "permit-action": AskerClaim & {
    readonly stream: string;
    readonly action: "inspect" | "dead-letter";
  };
  /**
   * Has the policies judge what happens at the site that asks, where one of them is code. Answered `{forMs}`, or null;
   * `client-detach` is only told.
   */
  "judge-action": AskerClaim & {
    readonly action: "open" | "inspect" | "client-attach" | "client-detach" | "configure";
    readonly stream?: string | undefined;
  };
  /** Answered with null. `scope`: `session`, `sites/NAME`, `streams/NAME`. No rules: the policy is removed. */
  "set-policy": AskerClaim & {
    readonly scope: string;
    readonly rules: readonly PolicyRule[];
  };
  /** Answered with a list of `PolicyChange`. No scope: what is in force, of all. */
  "policy-history": AskerClaim & { readonly scope?: string | undefined };
  /** Answered with a `PolicyTrial`. */
  "try-policy": AskerClaim & {
    readonly scope: string;
    readonly rules: readonly PolicyRule[];
    readonly last?: number | undefined;
  };
  /** Answered with `{number}`: which was set again. No number: the one before what is in force. */
  "rollback-policy": AskerClaim & { readonly scope: string; readonly number?: number | undefined };
}
