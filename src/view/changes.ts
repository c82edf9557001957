import type { ChannelSnapshot, SwitchSnapshot } from "../client/contract/index.ts";
import { formatSpan } from "./format.ts";
import { type Network, type ObservedSite, stateOf } from "./network.ts";
import { channelOf } from "./rates.ts";
import { falseAlarmInWords, switchInWords } from "./ways.ts";

/** A neighbour that was lost so often within two minutes is told of. */
const UNSTEADY = 3;
/** Stands for the names of channels until it is known to how many the same has happened. */
const CHANNEL = "\u0000";

/** Something that happened between two looks at the network, for people. */
export interface Change {
  /** `bad`: something was lost; `warn`: something is odd; `good`: it came back; `info`: the rest. */
  readonly tone: "info" | "good" | "warn" | "bad";
  /** One line without a full stop. */
  readonly text: string;
}

/** What happened between two values of the network, in words. Nothing for the first look. */
export function changesBetween(before: Network, after: Network): readonly Change[] {
  if (before.session === undefined) return [];
  const changes = sessionChanges(before, after);
  for (const site of after.sites.values()) {
    const was = before.sites.get(site.name);
    changes.push(...stateChanges(before, after, site.name));
    if (was !== undefined) changes.push(...channelChanges(was, site));
  }
  return changes;
}

function sessionChanges(before: Network, after: Network): Change[] {
  const changes: Change[] = [];
  const [was, is] = [before.session, after.session];
  if (is === undefined || was === undefined) return changes;
  if (is.leader !== was.leader) {
    changes.push(
      is.leader === null
        ? { tone: "warn", text: `The session has no leader; ${was.leader} led it` }
        : { tone: "info", text: `${is.leader} leads the session` },
    );
  }
  if (is.directory !== was.directory) {
    changes.push(
      is.directory === "connected"
        ? { tone: "good", text: `${is.self} is connected to the directory` }
        : { tone: "warn", text: `${is.self} has lost the directory, which media does not need` },
    );
  }
  const known = new Set(was.channels.map((channel) => channel.name));
  for (const { name } of is.channels) {
    if (!known.has(name)) changes.push({ tone: "info", text: `Channel ${name} was opened` });
  }
  const left = new Set(is.channels.map((channel) => channel.name));
  for (const { name } of was.channels) {
    if (!left.has(name)) changes.push({ tone: "info", text: `Channel ${name} was closed` });
  }
  return changes;
}

function stateChanges(before: Network, after: Network, name: string): Change[] {
  const site = after.sites.get(name);
  const was = before.sites.get(name);
  if (site === undefined) return [];
  if (was === undefined) return [{ tone: "info", text: `${name} joined the session` }];
  const [from, to] = [stateOf(before, name).state, stateOf(after, name)];
  const restarted = was.record.instance !== site.record.instance;
  if (restarted) return [{ tone: "good", text: `${name} came back with a new process` }];
  if (from === to.state) return [];
  switch (to.state) {
    case "down":
      return [{ tone: "bad", text: `${name} is down: ${to.reason}` }];
    case "suspected":
      return [{ tone: "warn", text: `${name} is suspected: ${to.reason}` }];
    case "up":
    case "leader":
      return from === "down" || from === "suspected"
        ? [{ tone: "good", text: `${name} answers again` }]
        : [];
    case "waiting":
      return [];
  }
}

function channelChanges(before: ObservedSite, after: ObservedSite): Change[] {
  if (before.now === undefined || after.now === undefined || before.now === after.now) return [];
  if (before.now.site.instance !== after.now.site.instance) return [];
  const told: { channel: string; change: Change }[] = [];
  const unsteady = new Map<string, string>();
  const since = before.now.snapshot.at;
  for (const channel of after.now.snapshot.channels) {
    const was = channelOf(before.now, channel.name);
    if (was === undefined) continue;
    for (const [name, text] of losses(after.name, was, channel)) unsteady.set(name, text);
    for (const change of [
      ...stallChanges(after.name, was, channel, since),
      ...inputChanges(after.name, was, channel, since),
      ...viewerChanges(after.name, was, channel),
    ])
      told.push({ channel: channel.name, change });
  }
  const changes = merged(told);
  // A site is lost for all channels.
  for (const text of unsteady.values()) changes.push({ tone: "warn", text });
  return changes;
}

function stallChanges(
  site: string,
  before: ChannelSnapshot,
  after: ChannelSnapshot,
  lookedAt: number,
): Change[] {
  const { stalled } = after;
  if (stalled !== undefined && before.stalled === undefined)
    return [{ tone: "bad", text: `${site} does not receive ${CHANNEL}: ${stalled.reason}` }];
  if (stalled === undefined && before.stalled !== undefined && after.path.length > 0) {
    const arrivedAt = after.ways?.at(-1)?.at ?? lookedAt;
    const span = formatSpan(arrivedAt - lookedAt + before.stalled.forMs);
    return [{ tone: "good", text: `${site} receives ${CHANNEL} again after ${span}` }];
  }
  return [];
}

/** Neighbours that were lost so often that they are preferred less. */
function losses(site: string, before: ChannelSnapshot, after: ChannelSnapshot): [string, string][] {
  return after.inputs.flatMap(({ name, origin }) => {
    const was = before.inputs.find((input) => input.kind === "site" && input.name === name);
    const { lost = 0, heldBackMs = 0 } = origin ?? {};
    if (was?.origin === undefined || lost <= was.origin.lost || lost < UNSTEADY) return [];
    const held = `held back for ${formatSpan(heldBackMs)} by ${site}`;
    return [[name, `${name} was lost ${lost} times within two minutes and is ${held}`]];
  });
}

function inputChanges(
  site: string,
  before: ChannelSnapshot,
  after: ChannelSnapshot,
  since: number,
): Change[] {
  const told = (after.switches ?? []).filter(({ at }) => at > since);
  if (told.length > 0) return told.flatMap((change) => switchChange(site, after, change));
  // A site that tells its changes has told them; one that is connecting has not lost the channel.
  if (after.switches !== undefined && after.path.length > 0 && !after.inputs.some(isFromOutside))
    return [];
  const [was, is] = [activeInput(before), activeInput(after)];
  if (was?.name === is?.name && was?.kind === is?.kind) return [];
  const channel = after.name;
  if (is === undefined) {
    const lost = was?.kind === "site" ? `from ${was.name}` : `on its input ${was?.name}`;
    return [{ tone: "bad", text: `${site} no longer gets ${channel} ${lost}` }];
  }
  if (is.kind !== "site") {
    return [{ tone: "info", text: `${channel} comes in at ${site} on its input ${is.name}` }];
  }
  const now = was === undefined ? "takes" : "now takes";
  return [{ tone: "info", text: `${site} ${now} ${channel} from ${is.name}` }];
}

function switchChange(
  site: string,
  { switches = [] }: ChannelSnapshot,
  change: SwitchSnapshot,
): Change[] {
  const alarm = falseAlarmInWords(site, change, switches, CHANNEL);
  if (alarm !== undefined) return [{ tone: "info", text: alarm }];
  const next = switches[switches.indexOf(change) + 1];
  // A moment later it was a false alarm: the return tells all of it.
  if (next?.reason === "false alarm" && next.to === change.from) return [];
  const isBack = change.reason === "a preferred alternative is back";
  const text = switchInWords(site, change, switches, CHANNEL);
  return [{ tone: isBack ? "good" : "info", text }];
}

/** One line for what happened alike to several channels. */
function merged(told: readonly { readonly channel: string; readonly change: Change }[]): Change[] {
  const channels = new Map<string, string[]>();
  for (const { channel, change } of told) {
    const known = channels.get(change.text) ?? [];
    channels.set(change.text, [...known, channel]);
  }
  const first = told.filter(
    ({ change }, index) => told.findIndex((other) => other.change.text === change.text) === index,
  );
  return first.map(({ change: { text, tone } }) => ({
    ...{ tone, text: text.replace(CHANNEL, inWords(channels.get(text) ?? [])) },
  }));
}

function inWords(names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

function viewerChanges(site: string, before: ChannelSnapshot, after: ChannelSnapshot): Change[] {
  const [was, is] = [viewerCount(before), viewerCount(after)];
  if (was === is) return [];
  const watch = is === 1 ? "player watches" : "players watch";
  return [{ tone: "info", text: `${is === 0 ? "No" : is} ${watch} ${after.name} at ${site}` }];
}

function isFromOutside({ kind }: ChannelSnapshot["inputs"][number]): boolean {
  return kind !== "site";
}

function activeInput(channel: ChannelSnapshot): ChannelSnapshot["inputs"][number] | undefined {
  return channel.inputs.find((input) => input.state === "active");
}

function viewerCount(channel: ChannelSnapshot): number {
  return channel.subscribers.filter((subscriber) => subscriber.kind === "viewer").length;
}
