import type { StreamInspection } from "../../agent/define/index.ts";
import type { ExecutorDeath } from "../../stream/index.ts";
import { unpackValue } from "../../wire/index.ts";

/** A stream from inside, with values where its site tells packed ones. */
export interface Inspection extends Omit<StreamInspection, "deadLetters" | "briefcases"> {
  readonly deadLetters: readonly {
    readonly id: string;
    readonly error: string;
    readonly attempts: number;
    /** The executors that ended while it ran. */
    readonly deaths: readonly ExecutorDeath[];
    /** What was appended. */
    readonly value: unknown;
  }[];
  /** By agent. */
  readonly briefcases: Readonly<Record<string, unknown>>;
}

/** @throws {MeanderError} `value-malformed` */
export function unpackInspection(packed: StreamInspection): Inspection {
  const { deadLetters, briefcases, ...rest } = packed;
  return {
    ...rest,
    deadLetters: deadLetters.map(({ payload, ...letter }) => ({
      ...letter,
      value: unpackValue(payload),
    })),
    briefcases: Object.fromEntries(
      Object.entries(briefcases).map(([agent, bytes]) => [agent, unpackValue(bytes)]),
    ),
  };
}
