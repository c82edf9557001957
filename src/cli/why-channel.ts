import { MeanderError, messageOf } from "../base/index.ts";
import type { ChannelSnapshot } from "../client/contract/index.ts";
import {
  formatHeldBack,
  formatOrigin,
  formatSpan,
  formatStall,
  type Network,
  observe,
  UNKNOWN_NETWORK,
  type WayEntry,
  waysOf,
} from "../view/index.ts";
import { clientOf, type SiteArguments } from "./arguments.ts";
import { clientAt } from "./site-named.ts";
import { type Paint, table } from "./terminal.ts";

/** Where a channel comes from at one site, and why. */
export interface ChannelStory {
  readonly channel: string;
  readonly site: string;
  /** Sites where it is ingested. */
  readonly ingests: readonly string[];
  /** Null: the site does not have it open. */
  readonly here: ChannelSnapshot | null;
  /** The ways that it took, the present one first. */
  readonly ways: readonly WayEntry[];
}

/** Asks the site, and those on the channel's way, which know why it changed before it. */
export async function askForWay(options: SiteArguments, channel: string): Promise<Network> {
  const client = clientOf(options);
  const [session, own] = await Promise.all([client.session(), client.site()]);
  const channels = [...session.channels, ...own.snapshot.channels];
  if (!channels.some(({ name }) => name === channel)) {
    throw new MeanderError("channel-unknown", "no channel of the session has that name", {
      where: `channel ${channel}`,
      expected: `one of ${session.channels.map(({ name }) => name).join(", ") || "none"}`,
      next: "the name of a message has to be in quotes: > and # are special to the shell",
    });
  }
  let network = observe(UNKNOWN_NETWORK, { type: "session-answered", view: session });
  network = observe(network, { type: "site-answered", name: own.site.name, view: own });
  const here = own.snapshot.channels.find(({ name }) => name === channel);
  const others = session.sites.filter(
    ({ name }) => name !== own.site.name && here?.path.includes(name),
  );
  await Promise.all(
    others.map(async (record) => {
      const { name } = record;
      try {
        const view = await clientAt(options, record).site();
        network = observe(network, { type: "site-answered", name, view });
      } catch (error) {
        network = observe(network, { type: "site-failed", name, reason: messageOf(error) });
      }
    }),
  );
  return network;
}

/** What the site that was asked told. */
export function channelStory(network: Network, channel: string): ChannelStory {
  const site = network.session?.self ?? "";
  const snapshot = network.sites.get(site)?.now?.snapshot;
  return {
    ...{ channel, site, ways: waysOf(network, site, channel) },
    ingests: network.session?.channels.find(({ name }) => name === channel)?.ingests ?? [],
    here: snapshot?.channels.find(({ name }) => name === channel) ?? null,
  };
}

/** The way, why it is this one, what else there is, and how it was before. */
export function formatChannelStory(
  { channel, here, ingests, site, ways }: ChannelStory,
  paint: Paint,
): string {
  const name = paint("bold", channel);
  const published = `it is published at ${ingests.join(", ") || "no site"}`;
  if (here === null) return `${name} is not open at ${site}; ${published}`;
  const [present, ...earlier] = ways;
  const lines = [`${name} ${stateOf(here, site, paint)}`];
  if (present !== undefined && present.path.length > 1) {
    const why = present.why === "" ? "" : `: ${present.why}`;
    lines.push(`  for ${formatSpan(present.agoMs)} now${why}`);
  } else if (present === undefined && here.stalled === undefined) lines.push(`  ${published}`);
  if (here.inputs.length > 0) {
    const rows = here.inputs.map((input) => {
      const held = formatHeldBack(input);
      const known = [formatOrigin(input), ...(held === undefined ? [] : [held])].join("; ");
      return [input.name, input.state, input.connection, known];
    });
    lines.push("", paint("cyan", "sources"));
    lines.push(table(paint, ["FROM", "STATE", "STACK", "KNOWN BY"], rows));
  }
  if (earlier.length > 0) {
    const rows = earlier.map(({ agoMs, forMs, path, why }) => [
      `${formatSpan(agoMs, 0)} ago`,
      `for ${formatSpan(forMs)}`,
      path.join(" > ") || "no way",
      path.length === 0 ? "" : why,
    ]);
    lines.push("", paint("cyan", "before"));
    lines.push(table(paint, ["FROM", "LENGTH", "CAME THROUGH", "WHY"], rows));
  }
  return lines.join("\n");
}

function stateOf({ path, stalled }: ChannelSnapshot, site: string, paint: Paint): string {
  if (stalled !== undefined)
    return `${paint("red", "has not arrived")} at ${site} ${formatStall(stalled)}`;
  if (path.length === 0)
    return `${paint("yellow", "is not wanted")} at ${site}, or nobody sends it`;
  if (path.length === 1) return `is published at ${site}`;
  return `comes to ${site} through ${paint("green", path.join(" > "))}`;
}
