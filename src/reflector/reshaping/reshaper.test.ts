import assert from "node:assert/strict";
import { test } from "node:test";
import { Counters, SILENT, VirtualClock } from "../../base/index.ts";
import type { Peer } from "../../channel/index.ts";
import { defaultChannelConfig } from "../../session/index.ts";
import type { ChannelRelations } from "../../wire/index.ts";
import { Channel } from "../channel/channel.ts";
import { ChannelTable } from "../channel-table.ts";
import { standardPolicy } from "./policies/standard.ts";
import { Reshaper } from "./reshaper.ts";

/** Names of sites, and how often one was looked for, and how often all were looked through. */
class CountedNames extends Set<string> {
  lookups = 0;
  passes = 0;

  override has(name: string): boolean {
    this.lookups++;
    return super.has(name);
  }

  override [Symbol.iterator](): SetIterator<string> {
    this.passes++;
    return super[Symbol.iterator]();
  }
}

/** A site of a large session that receives one channel from `s1`. */
function rig() {
  const clock = new VirtualClock();
  const input = { from: ["s1"], stack: "memory", keep: true };
  const channel = new Channel({
    ...{ name: "clip", id: 1, site: "home", clock, log: SILENT, lingerMs: 0 },
    config: { ...defaultChannelConfig(), input },
    onEvent() {},
    nextSequence: () => 0,
    clockOffsetTo: () => undefined,
  });
  const channels = new ChannelTable();
  channels.add(channel);
  const sites = new CountedNames();
  for (let index = 0; index < 300; index++) sites.add(`s${index}`);
  const reshaper = new Reshaper({
    ...{ clock, channels, drops: new Counters() },
    ...{ site: () => "home", sites: () => sites, neighbours: () => [] },
    setLearned() {},
    onEvent() {},
  });
  let choices = 0;
  reshaper.setPolicy({
    ...standardPolicy,
    choose: (facts) => {
      choices++;
      return standardPolicy.choose(facts);
    },
  });
  reshaper.setRoute("clip", ["s1"], []);
  /** How often the policy chose, while so many times 100 ms passed. */
  const choicesIn = (ticks: number): number => {
    choices = 0;
    for (let tick = 0; tick < ticks; tick++) {
      clock.advance(100);
      reshaper.tick();
    }
    return choices;
  };
  return { choicesIn, reshaper, sites };
}

const SOURCE = { remote: { name: "s1" } } as unknown as Peer;

function relations(sources: readonly string[], clients: readonly string[]): ChannelRelations[] {
  return [{ channel: "clip", sources, clients }];
}

test("[W36] what a neighbour repeats is not judged again, and what is new is at once", () => {
  const { choicesIn, reshaper } = rig();
  assert.equal(choicesIn(1), 1, "the route is new");
  reshaper.told(SOURCE, relations(["s2"], ["s3"]), false);
  assert.equal(choicesIn(1), 1);
  for (let again = 0; again < 5; again++) {
    reshaper.told(SOURCE, relations(["s2"], ["s3"]), false);
    assert.equal(choicesIn(1), 0);
  }
  reshaper.told(SOURCE, relations(["s2"], ["s3", "s4"]), false);
  assert.equal(choicesIn(1), 1);
  reshaper.told(SOURCE, relations(["s2"], ["s3", "s4"]), true);
  assert.equal(choicesIn(1), 1, "that it leaves is new");
});

test("[W36] hearing from a neighbour costs as much as it names, however many sites there are", () => {
  const { reshaper, sites } = rig();
  reshaper.told(SOURCE, relations(["s2", "s4"], ["s3", "s5", "s6"]), false);
  assert.equal(sites.lookups, 5);
  assert.equal(sites.passes, 0);
});
