/**
 * A protocol module: one layer of a stack, sans-IO. It gets packets from above and below and the time, and passes on
 * packets; it never touches a socket, a clock or chance.
 */
export interface Module {
  /** A packet on its way down. Calls `emit` once for each packet to hand to the layer below, before returning. */
  down(packet: Uint8Array, nowMs: number, emit: (packet: Uint8Array) => void): void;
  /** A packet on its way up. Calls `emit` once for each packet to hand to the layer above, before returning. */
  up(packet: Uint8Array, nowMs: number, emit: (packet: Uint8Array) => void): void;
  /** Counts by reason, for people. `malformed` counts the input from below that no such module had made. */
  stats(): Readonly<Record<string, number>>;
}

/** The value of a parameter in a stack string after parsing: `64K` is 65536, `5ms` is 5 (ms), `10%` is 0.1. */
export type ParameterValue = number | string | boolean;

/** What a parameter of a module may be. */
export interface ParameterSpec {
  readonly kind: "bytes" | "ms" | "count" | "ratio" | "word" | "flag";
  /** Allowed words, for `word`. */
  readonly words?: readonly string[];
  /** Inclusive bounds, for the numbers. */
  readonly min?: number;
  readonly max?: number;
  readonly default: ParameterValue;
  /** One line for people. */
  readonly about: string;
}

/** How to make a module, and where it may stand in a stack. */
export interface ModuleSpec {
  readonly name: string;
  readonly about: string;
  readonly parameters: Readonly<Record<string, ParameterSpec>>;
  /** True when peers need not agree: it changes no bytes. */
  readonly local: boolean;
  /** Properties a stack has above this module: `any-size`, `private`, `reliable`, `ordered`. */
  readonly provides: readonly string[];
  /** Properties it needs from what is below. */
  readonly requires: readonly string[];
  /** Makes one for one connection. `parameters` has a value for each of the spec's. */
  create(
    parameters: Readonly<Record<string, ParameterValue>>,
    below: { readonly maxBytes: number },
  ): Module & {
    /** Largest packet the module takes from above, in bytes. */
    readonly maxBytes: number;
  };
}
