import {
  type ChannelConfig,
  type ChannelRecord,
  defaultChannelConfig,
  type InputConfig,
  type RouteConfig,
} from "../../session/index.ts";

/** What decides about the channels of a site. */
export interface ChannelFacts {
  readonly self: string;
  readonly routes: RouteConfig;
  /** Channels that the session knows. */
  readonly channels: readonly ChannelRecord[];
  /** Names of channels that are wanted here, though not configured. */
  readonly wanted: ReadonlySet<string>;
  /** Names of channels that are ingested here. */
  readonly ingested: ReadonlySet<string>;
}

/** A channel as it should be open. */
export interface DesiredChannel {
  readonly name: string;
  readonly id: number;
  readonly config: ChannelConfig;
  /** Other sites at which it is ingested, as far as the directory knows. */
  readonly ingests: readonly string[];
}

/** The channels that should be open at a site, by name. Those without an id yet are left out. */
export function desiredChannels(facts: ChannelFacts): Map<string, DesiredChannel> {
  const desired = new Map<string, DesiredChannel>();
  for (const { name, id, ingests } of facts.channels) {
    const configured = facts.routes.channels[name];
    if (configured === undefined && !facts.wanted.has(name) && !facts.ingested.has(name)) continue;
    const base = configured ?? defaultChannelConfig();
    const input = inputOf(facts, configured, name, ingests);
    desired.set(name, {
      name,
      id,
      config: input === undefined ? withoutInput(base) : { ...base, input },
      ingests: others(facts, ingests),
    });
  }
  return desired;
}

/** Configured channels that the session does not know yet, and that need an id. */
export function unknownChannels(facts: ChannelFacts): string[] {
  const known = new Set(facts.channels.map((channel) => channel.name));
  return Object.keys(facts.routes.channels).filter((name) => !known.has(name));
}

function inputOf(
  facts: ChannelFacts,
  configured: ChannelConfig | undefined,
  name: string,
  ingests: readonly string[],
): InputConfig | undefined {
  if (configured?.input !== undefined) {
    const from = others(facts, configured.input.from);
    return from.length === 0 ? undefined : { ...configured.input, from };
  }
  if (facts.ingested.has(name)) return undefined;
  const { upstreams, stack } = facts.routes;
  const from = others(facts, upstreams.length > 0 ? upstreams : ingests);
  return from.length === 0 ? undefined : { from, stack, keep: false };
}

function others(facts: ChannelFacts, sites: readonly string[]): string[] {
  return sites.filter((site) => site !== facts.self);
}

function withoutInput(config: ChannelConfig): ChannelConfig {
  const { input: _input, ...rest } = config;
  return rest;
}
