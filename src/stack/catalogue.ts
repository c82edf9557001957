import type { ModuleSpec, ParameterSpec } from "./module.ts";
import { cryptModule } from "./modules/crypt.ts";
import { faultModule } from "./modules/fault.ts";
import { fragModule } from "./modules/frag.ts";
import { traceModule } from "./modules/trace.ts";

/** What stands at the bottom of a stack, as the grammar sees it. Its implementation is in the layer `transport`. */
export interface TransportSpec {
  readonly name: string;
  /** One line for people. */
  readonly about: string;
  readonly parameters: Readonly<Record<string, ParameterSpec>>;
  /** Properties a stack has above it: `any-size`, `reliable`, `ordered`. */
  readonly provides: readonly string[];
}

/** What a stack may be made of. */
export interface Catalogue {
  readonly modules: Readonly<Record<string, ModuleSpec>>;
  readonly transports: Readonly<Record<string, TransportSpec>>;
}

/** The modules that exist, by name. */
export const modulesByName: Readonly<Record<string, ModuleSpec>> = named([
  fragModule,
  cryptModule,
  faultModule,
  traceModule,
]);

/** The transports that exist, by name. */
export const transportsByName: Readonly<Record<string, TransportSpec>> = named([
  {
    name: "memory",
    about: "two ends in one process",
    parameters: {},
    provides: ["any-size", "reliable", "ordered"],
  },
  { name: "udp", about: "datagrams, one packet each", parameters: {}, provides: [] },
  {
    name: "multicast",
    about: "as udp, and media by a multicast group where a probe shows that it arrives",
    parameters: {
      group: { kind: "group", default: "239.255.42.1", about: "address of the group" },
      port: { kind: "count", min: 1, max: 65_535, default: 5_042, about: "UDP port of the group" },
      ttl: {
        kind: "count",
        min: 1,
        max: 255,
        default: 1,
        about: "time to live; 1 stays in the network",
      },
    },
    provides: [],
  },
  {
    name: "tcp",
    about: "a TCP connection, opened by HTTP upgrade",
    parameters: {},
    provides: ["any-size", "reliable", "ordered"],
  },
  {
    name: "websocket",
    about: "binary WebSocket messages of whole packets",
    parameters: {},
    provides: ["any-size", "reliable", "ordered"],
  },
]);

/** {@link modulesByName} and {@link transportsByName}. */
export const CATALOGUE: Catalogue = Object.freeze({
  modules: modulesByName,
  transports: transportsByName,
});

function named<T extends { readonly name: string }>(
  items: readonly T[],
): Readonly<Record<string, T>> {
  // Without a prototype: `constructor` is not a module.
  const table: Record<string, T> = Object.create(null);
  for (const item of items) table[item.name] = Object.freeze(item);
  return Object.freeze(table);
}
