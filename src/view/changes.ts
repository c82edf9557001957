import type { ChannelSnapshot } from "../client/contract/index.ts";
import { type Network, type ObservedSite, stateOf } from "./network.ts";
import { channelOf } from "./rates.ts";

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
        : { tone: "warn", text: `${is.self} has lost the directory; media flows on` },
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
  const changes: Change[] = [];
  for (const channel of after.now.snapshot.channels) {
    const was = channelOf(before.now, channel.name);
    if (was === undefined) continue;
    changes.push(
      ...inputChanges(after.name, was, channel),
      ...viewerChanges(after.name, was, channel),
    );
  }
  return changes;
}

function inputChanges(site: string, before: ChannelSnapshot, after: ChannelSnapshot): Change[] {
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

function viewerChanges(site: string, before: ChannelSnapshot, after: ChannelSnapshot): Change[] {
  const [was, is] = [viewerCount(before), viewerCount(after)];
  if (was === is) return [];
  const watch = is === 1 ? "player watches" : "players watch";
  return [{ tone: "info", text: `${is === 0 ? "No" : is} ${watch} ${after.name} at ${site}` }];
}

function activeInput(channel: ChannelSnapshot): ChannelSnapshot["inputs"][number] | undefined {
  return channel.inputs.find((input) => input.state === "active");
}

function viewerCount(channel: ChannelSnapshot): number {
  return channel.subscribers.filter((subscriber) => subscriber.kind === "viewer").length;
}
