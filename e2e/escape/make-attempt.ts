import { setTimeout as sleep } from "node:timers/promises";
import { MeanderError } from "../../src/base/index.ts";
import { connect, type Shell } from "../../src/site/index.ts";
import { type Attempt, type Ending, listed, type Tier } from "./attempt.ts";
import type { Bystander } from "./bystander.ts";

/** A message that is still on its way then has not ended, ms. */
const MESSAGE_MS = 25_000;
const CALL_MS = 30_000;
/** Of another owner's appends meanwhile, so many take no longer than twice what 99 of 100 take when nothing happens. */
const OWN_SHARE = 0.95;
/** What a collection of garbage, or a timer that comes late, may take at any time, ms. */
const OWN_MS_MIN = 10;
/** Times that an attempt is attached which failed with one of these, of a machine that is busy. */
const TRIES_MAX = 3;
const BUSY = ["executor-failed", "site-timeout"];
/** Characters of a shell's name, about. */
const NAME_MAX = 36;

/** What became of an attempt. */
export interface Outcome {
  readonly name: string;
  readonly kind: string;
  /** What it got that it may not have; empty: it was contained. */
  readonly faults: readonly string[];
  /** How its last message ended: `reply`, or a code. */
  readonly ended: string;
  readonly ms: number;
  /** The longest append of another owner meanwhile, ms; undefined: not measured. */
  readonly othersMs: number | undefined;
  /** How long 95 of 100 such appends took at most, less what they waited for a processor, ms. */
  readonly ownMs: number | undefined;
  /** It was contained, but for another owner's append that took too long. */
  readonly isOnlySlow: boolean;
}

/** What attempts are made on. */
export interface Scene {
  readonly url: string;
  readonly tier: Tier;
  readonly bystander: Bystander;
  /** The quiet pace of the bystander: 99 of 100 appends take no longer, ms. */
  readonly quietMs: number;
  /** The same, less what they wait for a processor, ms. */
  readonly quietOwnMs: number;
}

/** An attempt whose agent is attached, or is not to be before it is made. */
export interface Prepared {
  readonly attempt: Attempt;
  readonly stream: string;
  readonly shell: Shell;
  /** Why it could not be attached. */
  readonly ending: Ending | undefined;
  readonly preparedMs: number;
}

/** Attaches the agent of an attempt, under an owner of its own. What does not happen is told by {@link makeAttempt}. */
export async function prepare({ url, tier }: Scene, attempt: Attempt): Promise<Prepared> {
  const stream = attempt.name.replaceAll(/[^a-z0-9]+/g, "-");
  const began = performance.now();
  const name = `of-${stream.slice(-NAME_MAX)}`;
  const shell = await within(CALL_MS, connect(url, { name }));
  await within(CALL_MS, shell.createStream(stream));
  const isLate = attempt.before !== undefined;
  const ending = isLate ? undefined : await attached(shell, stream, moduleOf(attempt, tier));
  return { attempt, stream, shell, ending, preparedMs: performance.now() - began };
}

/** Makes an attempt, and removes it. */
export async function makeAttempt(scene: Scene, prepared: Prepared): Promise<Outcome> {
  const { attempt, stream, shell } = prepared;
  const { name, kind, messages = ["go"], lastsMs = 0, reached = listed, fails } = attempt;
  const began = performance.now() - prepared.preparedMs;
  const endings: Ending[] = [];
  const faults: string[] = [];
  scene.bystander.begin();
  let { ending } = prepared;
  if (attempt.before !== undefined)
    ending = await attached(shell, stream, moduleOf(attempt, scene.tier));
  if (ending === undefined)
    for (const message of messages) endings.push(await appended(shell, stream, message));
  else {
    endings.push(ending);
    // Else it would be contained because it was never made.
    if (isRefused(ending) && !fails?.includes("code-failed"))
      faults.push(`it could not be attached: ${JSON.stringify(ending)}`);
  }
  if (lastsMs > 0) await sleep(lastsMs);
  const last = endings.at(-1);
  faults.push(...reached(endings));
  if (fails !== undefined && !(last?.type === "failed" && fails.includes(last.code)))
    faults.push(`it ended with ${JSON.stringify(last)}`);
  const { bystander } = scene;
  const isMeasured = attempt.othersMs !== undefined;
  const othersMs = isMeasured ? bystander.longestMs : undefined;
  const ownMs = isMeasured ? bystander.ownQuantileMs(OWN_SHARE) : undefined;
  const wasContained = faults.length === 0;
  if (othersMs !== undefined && othersMs > othersMax(attempt, scene))
    faults.push(`another owner's append took ${Math.round(othersMs)} ms`);
  if (ownMs !== undefined && ownMs > ownMax(scene))
    faults.push(`of ${ownMs.toFixed(1)} ms for other owners' appends no processor was waited for`);
  const isOnlySlow = wasContained && faults.length > 0;
  await within(CALL_MS, shell.destroy(stream)).catch(() => {});
  await within(CALL_MS, shell.close()).catch(() => {});
  return {
    name,
    kind,
    faults,
    ended: last?.type === "failed" ? last.code : "reply",
    ms: Math.round(performance.now() - began),
    othersMs: othersMs === undefined ? undefined : Math.round(othersMs),
    ownMs: ownMs === undefined ? undefined : Math.round(10 * ownMs) / 10,
    isOnlySlow,
  };
}

/** On a machine that is slow when nothing happens, they may take longer. */
function othersMax({ othersMs = 0 }: Attempt, { quietMs }: Scene): number {
  return Math.max(othersMs, 8 * quietMs);
}

/** What the site itself may take: twice its quiet pace. */
function ownMax({ quietOwnMs }: Scene): number {
  return Math.max(OWN_MS_MIN, 2 * quietOwnMs);
}

function moduleOf({ on, before = "", limits = {} }: Attempt, tier: Tier): string {
  const isolation = tier === "inline" ? `isolation: "inline",` : "";
  return `${before}
export default { ${isolation} limits: ${JSON.stringify(limits)}, onError: { retry: 0 }, on: { ${on} } };`;
}

/** Why it could not be attached. A machine that is busy may not start its process in time: then it is tried again. */
async function attached(shell: Shell, stream: string, source: string): Promise<Ending | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      const agent = { source, file: "attempt.js" };
      await within(CALL_MS, shell.registerAgent(stream, agent, { name: "a" }));
      return undefined;
    } catch (error) {
      const ending = failed(error);
      const isBusy = ending.type === "failed" && BUSY.includes(ending.code);
      if (!isBusy || tries === TRIES_MAX) return ending;
    }
  }
}

async function appended(shell: Shell, stream: string, message: unknown): Promise<Ending> {
  try {
    const options = { until: "consumed", timeoutMs: MESSAGE_MS } as const;
    const { reply } = await within(CALL_MS, shell.append(stream, message, options));
    return { type: "reply", reply };
  } catch (error) {
    return failed(error);
  }
}

/** Whether its code was refused before it ran. */
function isRefused(ending: Ending): boolean {
  return (
    ending.type === "failed" &&
    /^(code|agent|rate)-/.test(ending.code) &&
    ending.code !== "code-failed"
  );
}

function failed(error: unknown): Ending {
  const code = error instanceof MeanderError ? error.code : "not-an-error-of-ours";
  return { type: "failed", code, message: error instanceof Error ? error.message : String(error) };
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const end = new AbortController();
  const late = sleep(ms, undefined, { signal: end.signal }).then(() => {
    throw new Error(`no answer within ${ms} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    end.abort();
    late.catch(() => {});
  }
}
