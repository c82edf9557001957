import type { Clock, Log, MeanderError, Random } from "../base/index.ts";
import type { Cipher } from "./crypt/cipher.ts";
import type { HandshakeBudget } from "./crypt/handshake-budget.ts";
import type { Bottlenecks } from "./modules/bottleneck.ts";
import type { TraceRegistry } from "./modules/trace-registry.ts";

/**
 * A protocol module: one layer of a stack, sans-IO. It receives packets from above and below and the time, and passes
 * packets on by its {@link ModulePorts}, at once or later; it never touches a socket, and uses clock and random numbers
 * only through its ports.
 */
export interface Module {
  /** Most bytes that the module takes from above at once: a packet or, where it `coalesces`, a batch. */
  readonly maxBytes: number;
  /** A packet (or several, where the module `coalesces`) on its way down. False: it was not taken. */
  down(packets: Uint8Array, nowMs: number): boolean;
  /** A packet on its way up. */
  up(packet: Uint8Array, nowMs: number): void;
  /** Counts by reason, for people. `malformed` counts the input from below that no such module had made. */
  stats(): Readonly<Record<string, number>>;
  /** What it holds of what is to go down, and how old the oldest is. Absent: nothing, ever. */
  held?(nowMs: number): { readonly bytes: number; readonly oldestMs: number };
  /**
   * Nothing more comes from above: sends what it holds as soon as possible, then calls `done`. Absent: it holds
   * nothing.
   */
  drain?(done: () => void): void;
  /** The layer below has ended: hands up what it holds, at once, and cancels its timers. */
  ended?(): void;
}

/** What composed stacks get from outside. What is optional is needed by some modules only. */
export interface StackPorts {
  readonly clock: Clock;
  readonly random?: Random | undefined;
  readonly log?: Log | undefined;
  /** Needed by `crypt`. */
  readonly cipher?: Cipher | undefined;
  /** The secret shared by the sites of a session; undefined while this site does not know it. Needed by `crypt`. */
  readonly secret?: (() => Uint8Array | undefined) | undefined;
  /** Bounds what handshakes of strangers cost, over all connections. */
  readonly handshakes?: HandshakeBudget | undefined;
  /** Queues that several connections share. */
  readonly bottlenecks?: Bottlenecks | undefined;
  /** Where `trace` modules can be found. */
  readonly traces?: TraceRegistry | undefined;
}

/** What one module of one connection depends on. */
export interface ModulePorts extends StackPorts {
  /** The peer as text, for logs and listings. */
  readonly peer: string;
  /** This layer and those below, as a stack. */
  readonly stack: string;
  /** Hands a packet (or several, where the module `coalesces`) to the layer below. False: it was not taken. */
  down(packets: Uint8Array): boolean;
  /** Hands one packet, or several whole ones, to the layer above. */
  up(packets: Uint8Array): void;
  /** Ends the connection: what came can no longer be what was sent. */
  end(reason: MeanderError): void;
}

/** What a module knows of the connection below. */
export interface Below {
  readonly maxBytes: number;
  readonly reliable: boolean;
  readonly coalesces: boolean;
  /** What the layers below add to a packet, bytes. */
  readonly overheadBytes: number;
}

/** The value of a parameter in a stack string after parsing: `64K` is 65536, `5ms` is 5 (ms), `10%` is 0.1. */
export type ParameterValue = number | string | boolean;

/** What a parameter of a module may be. */
export interface ParameterSpec {
  readonly kind: "bytes" | "ms" | "count" | "ratio" | "word" | "name" | "flag" | "group";
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
  /** Properties that no module below may provide: it would undo them. */
  readonly refuses?: readonly string[];
  /** What it adds to each packet, bytes. Absent: nothing, or the module below it cares. */
  readonly overheadBytes?: number;
  /** True: takes several whole packets as one, where the layer below does. */
  readonly coalesces?: boolean;
  /** True: speaks with its peer by itself, so it listens as soon as the connection is used in either direction. */
  readonly talks?: boolean;
  /** Makes one for one connection. `parameters` has a value for each of the spec's. */
  create(
    parameters: Readonly<Record<string, ParameterValue>>,
    below: Below,
    ports: ModulePorts,
  ): Module;
}
