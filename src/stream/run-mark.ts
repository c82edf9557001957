import { z } from "zod";
import { LIMITS } from "../base/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";
import type { Suspect } from "./executor-death.ts";
import type { MessageKey } from "./message-trouble.ts";
import type { EndpointId, SiteInstance } from "./model.ts";
import type { StreamState } from "./stream-state.ts";
import { suspectsWith } from "./suspects.ts";

/** The messages of a stream that are about to run in the process of their site, one after the other. */
export interface RunMark {
  /** When, wall clock of the site, ms since 1970. */
  readonly at: number;
  readonly siteInstance: SiteInstance;
  readonly messages: readonly MessageKey[];
  /** What was known before; of a stream with a record that has it. */
  readonly suspects: readonly Suspect[];
}

/** Notes what of a stream is about to run in the process of its site (docs/spec/streams.md [M14]). */
export interface RunMarks {
  /**
   * Undefined: it is noted. Throws or rejects when it cannot be, and then nothing of it may run.
   *
   * @throws {MeanderError} `mark-write-failed`, `record-fenced`, `site-gone`
   */
  set(messages: readonly MessageKey[], suspects: readonly Suspect[]): Promise<void> | undefined;
}

/**
 * What a site notes on its own disk, for streams without records: written without waiting for the disk, it survives the
 * end of the process.
 */
export interface MarkStore {
  /** The last run of the site did not end in order: what it ran inline may have ended it. */
  readonly isAfterDeath: boolean;
  /** What was noted of a stream when the last run of the site ended; undefined: nothing. Given once. */
  takeFormer(stream: EndpointId): RunMark | undefined;
  /** Takes the place of the stream's last one; borrowed. @throws {MeanderError} `mark-write-failed` */
  put(stream: EndpointId, mark: RunMark): void;
  /** The stream is no longer at this site. */
  delete(stream: EndpointId): void;
}

const schema = z.object({
  at: z.number(),
  site: z.string(),
  instance: z.int(),
  messages: z.array(z.tuple([z.int(), z.int()])).max(LIMITS.deliveryBatchMax),
});

/** For a keeper, whose record has the suspects. */
export function encodeMark({ at, siteInstance, messages }: RunMark): Uint8Array {
  const numbers = messages.map(({ source, seq }) => [source, seq]);
  return packValue({ at, ...siteInstance, messages: numbers });
}

/** Undefined when the bytes are no mark. */
export function decodeMark(packed: Uint8Array): RunMark | undefined {
  try {
    const read = schema.safeParse(unpackValue(packed)).data;
    if (read === undefined) return undefined;
    const { at, site, instance, messages } = read;
    return {
      ...{ at, siteInstance: { site, instance }, suspects: [] },
      messages: messages.map(([source, seq]) => ({ source, seq })),
    };
  } catch {
    return undefined;
  }
}

/** What is known of a stream whose site ended, or fell silent, when the messages of a mark were to run or ran. */
export function stateWithMark(state: StreamState, mark: RunMark): StreamState {
  const { at, siteInstance, messages } = mark;
  const over = new Map(state.inbound.map(({ source, consumed }) => [source, consumed]));
  const ran = messages.filter(({ source, seq }) => seq > (over.get(source) ?? 0));
  const reason = "the process of its site ended, or stood still, while it ran inline";
  const before = state.suspects.length > 0 ? state.suspects : mark.suspects;
  return { ...state, suspects: suspectsWith(before, ran, { at, ...siteInstance, reason }) };
}
