import { z } from "zod";
import type { PolicyChange } from "../../agent/define/index.ts";
import { LIMITS } from "../../base/index.ts";
import { envelopeSchema } from "../../trust/index.ts";
import {
  agentSpec,
  bytes,
  type Codec,
  durability,
  handlerName,
  maybe,
  messageStory,
  milliseconds,
  moveResult,
  name,
  streamInspection,
  streamView,
} from "./port-schemas.ts";

/** Most names in one list of a call. */
const NAMES_MAX = 64;
/** Most rules of one policy. */
const RULES_MAX = 1_000;

const nothing = z.null();

const policyView = z.union([
  z.array(z.unknown()),
  z.object({ code: z.string(), file: z.string().optional(), author: z.string().optional() }),
]);

const number = z.int().min(0);
const policyChange: z.ZodType<PolicyChange> = z.object({
  scope: name,
  number,
  at: z.number().optional(),
  by: z.string().optional(),
  label: z.string().optional(),
  policy: z.union([
    z.object({ rules: number }),
    z.object({ code: z.string(), file: z.string().optional() }),
  ]),
  restores: number.optional(),
  isInForce: z.boolean(),
});

const codePolicy = { scope: name, source: z.string(), file: maybe(name), briefcase: maybe(bytes) };
const triedVerdict = z.object({
  effect: z.enum(["allow", "deny"]),
  rule: z.string().optional(),
  reason: z.string().optional(),
});
const policyTrial = z.object({
  ...{ scope: name, requests: number, left: number, since: z.number().optional() },
  ...{ refused: number, allowed: number, failed: number, slowestMs: z.number() },
  changes: z.array(
    z.object({
      ...{ at: z.number(), by: z.string(), label: z.string().optional(), action: z.string() },
      ...{
        stream: z.string().optional(),
        site: z.string(),
        was: triedVerdict,
        would: triedVerdict,
      },
    }),
  ),
});

/** [S6] The calls of a shell: what each takes and gives. */
export const SHELL_CALLS = {
  append: call(
    z.object({
      stream: name,
      payload: bytes,
      until: z.enum(["buffered", "consumed"]),
      timeoutMs: maybe(milliseconds),
    }),
    z.object({ id: name, reply: maybe(bytes) }),
  ),
  createStream: call(
    z.object({
      name,
      at: maybe(name),
      durability,
      failureManagers: z.array(name).max(NAMES_MAX),
    }),
    streamView,
  ),
  move: call(z.object({ stream: name, to: name, deadlineMs: maybe(milliseconds) }), moveResult),
  attachAgent: call(
    z.object({
      stream: name,
      source: z.string().max(LIMITS.shellMessageBytesMax),
      file: maybe(z.string().max(1_000)),
      name: maybe(name),
      briefcase: maybe(bytes),
      signed: envelopeSchema.optional(),
    }),
    agentSpec,
  ),
  detachAgent: call(z.object({ stream: name, agent: name }), nothing),
  replaceHandler: call(
    z.object({
      ...{ stream: name, agent: name, event: handlerName, source: z.string().nullable() },
      signed: envelopeSchema.optional(),
    }),
    nothing,
  ),
  destroyStream: call(z.object({ stream: name }), nothing),
  stream: call(z.object({ name }), streamView),
  streams: call(z.object({}), z.array(streamView)),
  sleep: call(z.object({ ms: milliseconds }), nothing),
  sites: call(z.object({}), z.array(name)),
  inspect: call(z.object({ stream: name }), streamInspection),
  why: call(z.object({ message: name }), messageStory),
  deadLetter: call(
    z.object({
      stream: name,
      message: name,
      action: z.enum(["skip", "retry", "replay"]),
      edited: maybe(bytes),
    }),
    nothing,
  ),
  evacuate: call(
    z.object({ site: name }),
    z.object({ moved: z.int().min(0), failed: z.array(z.string()) }),
  ),
  setPolicy: call(z.object({ scope: name, rules: z.array(z.unknown()).max(RULES_MAX) }), nothing),
  setCodePolicy: call(z.object({ ...codePolicy, signed: envelopeSchema.optional() }), nothing),
  tryPolicy: call(
    z.object({ scope: name, rules: z.array(z.unknown()).max(RULES_MAX), last: maybe(number) }),
    policyTrial,
  ),
  tryCodePolicy: call(z.object({ ...codePolicy, last: maybe(number) }), policyTrial),
  policies: call(z.object({}), z.record(z.string(), policyView)),
  policyHistory: call(z.object({ scope: maybe(name) }), z.array(policyChange)),
  rollbackPolicy: call(z.object({ scope: name, number: maybe(number) }), z.object({ number })),
} as const;

export type ShellCallName = keyof typeof SHELL_CALLS;
export type ShellCallArguments<C extends ShellCallName> = z.output<
  (typeof SHELL_CALLS)[C]["takes"]
>;
export type ShellCallResult<C extends ShellCallName> = z.output<(typeof SHELL_CALLS)[C]["gives"]>;

function call<A, R>(takes: Codec<A>, gives: Codec<R>): { takes: Codec<A>; gives: Codec<R> } {
  return { takes, gives };
}
