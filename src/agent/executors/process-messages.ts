import { Packr } from "msgpackr";
import { MeanderError, messageOf } from "../../base/index.ts";
import type { Fault } from "../../stream/index.ts";
import type { AgentProgram, InvocationResult } from "../executor.ts";
import { HANDLER_NAMES, type HandlerName } from "../model.ts";

/** Messages of an executor to a process. The agent is named by its slot. */
export type ToProcess =
  /** `seed` of its chance, u32; `skewMs`: how far its host's clock is ahead of the machine's. */
  | readonly ["start", slot: number, program: AgentProgram, seed: number, skewMs: number]
  /** As `packBatch` makes them. */
  | readonly ["run", slot: number, batch: number, invocations: Uint8Array]
  | readonly ["answered", slot: number, call: number, bytes: Uint8Array]
  | readonly ["refused", slot: number, call: number, error: PackedError]
  | readonly ["restore", slot: number, briefcase: Uint8Array]
  | readonly [
      "set-handler",
      slot: number,
      event: HandlerName,
      expression: string | null | undefined,
    ]
  | readonly ["close", slot: number];

/** Messages of a process. The results of an agent come in the order of its calls. */
export type FromProcess =
  | readonly ["started", slot: number, handlers: readonly HandlerName[]]
  | readonly ["start-failed", slot: number, error: PackedError]
  | readonly ["done", slot: number, result: PackedResult]
  | readonly ["failed", slot: number, fault: Fault]
  | readonly ["interrupted", slot: number]
  | readonly ["call", slot: number, call: number, verb: string, argument: Uint8Array]
  | readonly ["line", slot: number, line: string]
  | readonly ["handler-set", slot: number, handlers: readonly HandlerName[]]
  | readonly ["handler-refused", slot: number, error: PackedError]
  /** The call that runs waits for a promise. */
  | readonly ["waits", slot: number]
  /** The slot is free again. */
  | readonly ["closed", slot: number];

/** `appends` is to, payload, to, payload, …; `timers` delay, payload, …: most results have none, or one. */
type PackedResult = readonly [
  briefcase: Uint8Array | null,
  reply: Uint8Array | null,
  relocate: string | null,
  exits: boolean,
  appends: readonly (string | Uint8Array)[],
  timers: readonly (number | Uint8Array)[],
];

/** An error of ours on its way; anything else goes as `executor-failed`. */
export type PackedError = readonly [
  code: string,
  what: string,
  where: string | null,
  expected: string | null,
  next: string | null,
];

type DoneResult = Extract<InvocationResult, { readonly type: "done" }>;

const packr = new Packr({ useRecords: false });
/** What is kept of a message does not keep all of it. */
const unpackr = new Packr({ useRecords: false, copyBuffers: true });

/** A message as bytes, to be copied before the next is packed; those of several can be put in a row. */
export function packMessage(message: ToProcess | FromProcess): Uint8Array {
  return packr.pack(message);
}

/** For the usual results; larger ones go the other way. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024);
const scratchView = new DataView(scratch.buffer, scratch.byteOffset, scratch.byteLength);
/** `["done", `, in MessagePack: an array of three, a text of four bytes; then the slot as a u16. */
const DONE_HEAD = Uint8Array.of(0x93, 0xa4, 0x64, 0x6f, 0x6e, 0x65, 0xcd);
const NIL = 0xc0;
/** A text of bytes whose length is a u16. */
const BIN_16 = 0xc5;
const ARRAY_OF_6 = 0x96;
const EMPTY_ARRAY = 0x90;

/**
 * As {@link packMessage}, of a call that ended well. Most have appended nothing, and have a small briefcase: those are
 * written by hand, since this runs for each message.
 */
export function packDone(slot: number, result: DoneResult): Uint8Array {
  const { briefcase, exits, effects } = result;
  const { appends, timers, relocate, reply } = effects;
  const bytes = (briefcase?.byteLength ?? 0) + (reply?.byteLength ?? 0);
  const isPlain = appends.length === 0 && timers.length === 0 && relocate === undefined;
  if (!isPlain || bytes > scratch.byteLength - 64) {
    return packMessage(["done", slot, packResult(result)]);
  }
  scratch.set(DONE_HEAD, 0);
  scratchView.setUint16(DONE_HEAD.byteLength, slot);
  let at = DONE_HEAD.byteLength + 2;
  scratch[at++] = ARRAY_OF_6;
  at = putBytes(briefcase, at);
  at = putBytes(reply, at);
  scratch[at++] = NIL;
  scratch[at++] = exits ? 0xc3 : 0xc2;
  scratch[at++] = EMPTY_ARRAY;
  scratch[at++] = EMPTY_ARRAY;
  return scratch.subarray(0, at);
}

function putBytes(bytes: Uint8Array | undefined, at: number): number {
  if (bytes === undefined) {
    scratch[at] = NIL;
    return at + 1;
  }
  scratch[at] = BIN_16;
  scratchView.setUint16(at + 1, bytes.byteLength);
  scratch.set(bytes, at + 3);
  return at + 3 + bytes.byteLength;
}

/** The messages of a site in a row of them; they share no memory with the bytes. */
export function unpackToProcess(bytes: Uint8Array): readonly ToProcess[] {
  return bytes.byteLength === 0 ? [] : (unpackr.unpackMultiple(bytes) as ToProcess[]);
}

/**
 * The messages of a process in a row of them; they share no memory with the bytes. Undefined when they are not such:
 * code that got out of its compartment could send anything.
 */
export function unpackFromProcess(bytes: Uint8Array): readonly FromProcess[] | undefined {
  if (bytes.byteLength === 0) return [];
  try {
    const messages = unpackr.unpackMultiple(bytes) as unknown[];
    return messages.every(isFromProcess) ? (messages as FromProcess[]) : undefined;
  } catch {
    return undefined;
  }
}

function packResult({ briefcase, effects, exits }: DoneResult): PackedResult {
  const { appends, timers, relocate, reply } = effects;
  return [
    briefcase ?? null,
    reply ?? null,
    relocate ?? null,
    exits,
    appends.flatMap(({ to, payload }) => [to, payload]),
    timers.flatMap(({ delayMs, payload }) => [delayMs, payload]),
  ];
}

/** @param agent the timers are its */
export function unpackResult(packed: PackedResult, agent: string): DoneResult {
  const [briefcase, reply, relocate, exits, appends, timers] = packed;
  return {
    type: "done",
    briefcase: briefcase ?? undefined,
    effects: {
      appends: pairs(appends as PairsOf<string>).map(([to, payload]) => ({ to, payload })),
      timers: pairs(timers as PairsOf<number>).map(([delayMs, payload]) => ({
        agent,
        delayMs,
        payload,
      })),
      relocate: relocate ?? undefined,
      reply: reply ?? undefined,
    },
    exits,
  };
}

export function packError(thrown: unknown): PackedError {
  if (!(thrown instanceof MeanderError)) {
    return ["executor-failed", messageOf(thrown), null, null, null];
  }
  const { code, what, where, expected, next } = thrown;
  return [code, what, where ?? null, expected ?? null, next ?? null];
}

export function unpackError([code, what, where, expected, next]: PackedError): MeanderError {
  return new MeanderError(code, what, {
    ...(where === null ? {} : { where }),
    ...(expected === null ? {} : { expected }),
    ...(next === null ? {} : { next }),
  });
}

type PairsOf<First> = readonly (First | Uint8Array)[];

function pairs<First>(flat: PairsOf<First>): [First, Uint8Array][] {
  const all: [First, Uint8Array][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    all.push([flat[index] as First, flat[index + 1] as Uint8Array]);
  }
  return all;
}

function isFromProcess(value: unknown): value is FromProcess {
  if (!Array.isArray(value)) return false;
  const [type, slot, ...rest] = value as readonly unknown[];
  if (!Number.isInteger(slot)) return false;
  const [first, second, third] = rest;
  switch (type) {
    case "done":
      return isResult(first);
    case "interrupted":
    case "waits":
    case "closed":
      return true;
    case "failed":
      return isFault(first);
    case "call":
      return Number.isInteger(first) && isText(second) && isBytes(third);
    case "line":
      return isText(first);
    case "started":
    case "handler-set":
      return Array.isArray(first) && first.every((each) => HANDLER_NAMES.includes(each));
    case "start-failed":
    case "handler-refused":
      return isError(first);
    default:
      return false;
  }
}

function isResult(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [briefcase, reply, relocate, exits, appends, timers] = value as readonly unknown[];
  return (
    (briefcase === null || isBytes(briefcase)) &&
    (reply === null || isBytes(reply)) &&
    (relocate === null || isText(relocate)) &&
    typeof exits === "boolean" &&
    areAlternately(appends, isText) &&
    areAlternately(timers, (delay) => typeof delay === "number" && delay >= 0)
  );
}

/** Whether it is a row of such values, each followed by bytes. */
function areAlternately(value: unknown, isFirst: (value: unknown) => boolean): boolean {
  if (!Array.isArray(value) || value.length % 2 !== 0) return false;
  return value.every((each, index) => (index % 2 === 0 ? isFirst(each) : isBytes(each)));
}

function isFault(value: unknown): boolean {
  const { code, message, agent } = (value ?? {}) as Partial<Record<keyof Fault, unknown>>;
  return isText(code) && isText(message) && isText(agent);
}

function isError(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [code, what, ...rest] = value as readonly unknown[];
  return isText(code) && isText(what) && rest.every((each) => each === null || isText(each));
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}
