import { assert, type Clock, LIMITS } from "../base/index.ts";
import { faultOf, lengthOf, splitPackets } from "../wire/index.ts";
import { modulesByName } from "./catalogue.ts";
import type { Connection, ConnectionEnd } from "./connection.ts";
import { formatLayer } from "./format.ts";
import type { Module, ModuleSpec, ParameterValue } from "./module.ts";
import type { LayerSpec } from "./parse.ts";

/**
 * Puts `modules` (top first, as in a StackSpec) above a connection. What comes out is a connection; closing it closes
 * `below`, which belongs to it from now on. No modules: `below` itself.
 */
export function composeStack(
  modules: readonly LayerSpec[],
  below: Connection,
  clock: Clock,
  specs: Readonly<Record<string, ModuleSpec>> = modulesByName,
): Connection {
  return modules.reduceRight<Connection>((connection, layer) => {
    const spec = specs[layer.name];
    assert(spec !== undefined, "a parsed stack names modules that exist");
    return new LayeredConnection(layer, spec, connection, clock);
  }, below);
}

/** The values of all parameters of `spec`: those given, else the defaults. */
export function parametersWithDefaults(
  spec: Pick<ModuleSpec, "parameters">,
  given: Readonly<Record<string, ParameterValue>>,
): Record<string, ParameterValue> {
  const defaults = Object.entries(spec.parameters).map(([key, each]) => [key, each.default]);
  return { ...Object.fromEntries(defaults), ...given };
}

/** One module over a connection. */
class LayeredConnection implements Connection {
  readonly stack: string;
  readonly peer: string;
  readonly reliable: boolean;
  readonly coalesces = false;
  readonly maxBytes: number;
  readonly closed: Promise<ConnectionEnd>;
  readonly #module: Module;
  readonly #name: string;
  readonly #below: Connection;
  readonly #clock: Clock;
  readonly #emitDown: (packet: Uint8Array) => void;
  #taken = true;
  #refused = 0;
  #isClosed = false;

  constructor(layer: LayerSpec, spec: ModuleSpec, below: Connection, clock: Clock) {
    const module = spec.create(parametersWithDefaults(spec, layer.parameters), below);
    this.stack = `${formatLayer(layer, spec)}:${below.stack}`;
    this.peer = below.peer;
    this.reliable =
      below.reliable || (spec.provides.includes("reliable") && spec.provides.includes("ordered"));
    this.maxBytes = Math.min(module.maxBytes, LIMITS.packetBytesMax);
    this.closed = below.closed;
    this.#module = module;
    this.#name = spec.name;
    this.#below = below;
    this.#clock = clock;
    // One function for all packets. After the first refusal the rest of the packet would be of no use.
    this.#emitDown = (packet) => {
      if (this.#taken) this.#taken = below.send(packet);
    };
  }

  get malformed(): number {
    return this.#below.malformed + (this.#module.stats()["malformed"] ?? 0);
  }

  send(packet: Uint8Array): boolean {
    if (this.#isClosed || packet.byteLength > this.maxBytes) return false;
    if (faultOf(packet) !== undefined || lengthOf(packet) !== packet.byteLength) return false;
    this.#taken = true;
    this.#module.down(packet, this.#clock.now(), this.#emitDown);
    if (!this.#taken) this.#refused++;
    return this.#taken;
  }

  onPackets(handler: (bytes: Uint8Array) => void): void {
    const emitUp = (packet: Uint8Array): void => {
      if (!this.#isClosed) handler(packet);
    };
    this.#below.onPackets((bytes) => {
      const now = this.#clock.now();
      for (const packet of splitPackets(bytes)) this.#module.up(packet, now, emitUp);
    });
  }

  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    return this.#below.backlog();
  }

  stats(): Readonly<Record<string, number>> {
    const own = Object.entries({ ...this.#module.stats(), "refused-below": this.#refused });
    return {
      ...this.#below.stats?.(),
      ...Object.fromEntries(own.map(([key, count]) => [`${this.#name}-${key}`, count])),
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#below.close();
  }
}
