import type {
  ChannelSnapshot,
  InputSnapshot,
  SiteView,
  SubscriberSnapshot,
} from "../client/contract/index.ts";

/** How fast something flows. Both >= 0. */
export interface Rate {
  readonly bitsPerSecond: number;
  readonly packetsPerSecond: number;
}

/** Two successive reports of one run of one site; `before` is missing until there are two. */
export interface ReportPair {
  readonly before: SiteView | undefined;
  readonly now: SiteView | undefined;
}

/** Counters of one thing at one time. */
interface Reading {
  /** Monotonic, ms. */
  readonly at: number;
  readonly packets: number;
  readonly bytes: number;
}

/** What a site takes of a channel. Undefined until two reports know it. */
export function channelRateIn(pair: ReportPair, channel: string): Rate | undefined {
  return rateOf(
    pair,
    (view) => channelOf(view, channel),
    (found) => [found.packetsIn, found.bytesIn],
  );
}

/** What a site gives of a channel, over all subscribers. Undefined until two reports know it. */
export function channelRateOut(pair: ReportPair, channel: string): Rate | undefined {
  return rateOf(
    pair,
    (view) => channelOf(view, channel),
    (found) => [found.packetsOut, found.bytesOut],
  );
}

/** What comes through one input of a channel. Undefined until two reports know it. */
export function inputRate(
  pair: ReportPair,
  channel: string,
  input: Pick<InputSnapshot, "kind" | "name">,
): Rate | undefined {
  return rateOf(
    pair,
    (view) =>
      channelOf(view, channel)?.inputs.find(
        (other) => other.kind === input.kind && other.name === input.name,
      ),
    (found) => [found.packets, found.bytes],
  );
}

/** What goes to one subscriber of a channel. Undefined until two reports know it. */
export function subscriberRate(
  pair: ReportPair,
  channel: string,
  subscriber: Pick<SubscriberSnapshot, "id">,
): Rate | undefined {
  return rateOf(
    pair,
    (view) => channelOf(view, channel)?.subscribers.find((other) => other.id === subscriber.id),
    (found) => [found.packets, found.bytes],
  );
}

/** What flows into and out of a site over all channels; zero for a channel that has only one report. */
export function siteRate(pair: ReportPair): { readonly in: Rate; readonly out: Rate } | undefined {
  if (pair.before === undefined || pair.now === undefined) return undefined;
  const names = pair.now.snapshot.channels.map((channel) => channel.name);
  return {
    in: sumOf(names.map((name) => channelRateIn(pair, name))),
    out: sumOf(names.map((name) => channelRateOut(pair, name))),
  };
}

/** Share of one CPU that the site's process used between two reports: 0..; 1 is one core. */
export function cpuShareOf(pair: ReportPair): number | undefined {
  const { before, now } = pair;
  if (before === undefined || now === undefined) return undefined;
  const seconds = (now.snapshot.at - before.snapshot.at) / 1000;
  const used = now.process.cpuSeconds - before.process.cpuSeconds;
  return seconds > 0 && used >= 0 ? used / seconds : undefined;
}

/** The sum of rates; what is unknown counts as nothing. */
export function sumOf(rates: readonly (Rate | undefined)[]): Rate {
  let bitsPerSecond = 0;
  let packetsPerSecond = 0;
  for (const rate of rates) {
    bitsPerSecond += rate?.bitsPerSecond ?? 0;
    packetsPerSecond += rate?.packetsPerSecond ?? 0;
  }
  return { bitsPerSecond, packetsPerSecond };
}

/** The rate between two readings; undefined when no time has passed or a counter was reset. */
export function rateBetween(before: Reading, now: Reading): Rate | undefined {
  const seconds = (now.at - before.at) / 1000;
  const packets = now.packets - before.packets;
  const bytes = now.bytes - before.bytes;
  if (seconds <= 0 || packets < 0 || bytes < 0) return undefined;
  return { bitsPerSecond: (bytes * 8) / seconds, packetsPerSecond: packets / seconds };
}

function rateOf<T>(
  pair: ReportPair,
  find: (view: SiteView) => T | undefined,
  read: (found: T) => readonly [packets: number, bytes: number],
): Rate | undefined {
  const readings = [pair.before, pair.now].map((view) => {
    const found = view && find(view);
    if (view === undefined || found === undefined) return undefined;
    const [packets, bytes] = read(found);
    return { at: view.snapshot.at, packets, bytes };
  });
  const [before, now] = readings;
  return before === undefined || now === undefined ? undefined : rateBetween(before, now);
}

/** The channel in a site's report. */
export function channelOf(view: SiteView, channel: string): ChannelSnapshot | undefined {
  return view.snapshot.channels.find((other) => other.name === channel);
}
