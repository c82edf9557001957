import assert from "node:assert/strict";
import { test } from "node:test";
import { logOver, VirtualClock } from "../../base/index.ts";
import type { PlaneSnapshot } from "../../client/contract/index.ts";
import type { InputConfig } from "../../session/index.ts";
import type { ChannelStats } from "../plane-control.ts";
import { UpstreamWatch } from "./upstream-watch.ts";

const INPUT: InputConfig = { from: ["origin", "north"], stack: "udp", keep: true };

function channel(name: string, path: readonly string[], viewers = 0): ChannelStats {
  const subscribers = { site: 0, viewer: viewers, rtp: 0 };
  return { name, path, subscribers } as unknown as ChannelStats;
}

/** A watch over inputs and their states, by channel, and what it logged. */
function rig(
  inputs: Record<string, InputConfig>,
  states: Record<string, string>,
  published: readonly string[] = [],
) {
  const clock = new VirtualClock();
  const logged: string[] = [];
  const log = logOver((severity, message) => void logged.push(`${severity}: ${message}`));
  let asked = 0;
  const watch = new UpstreamWatch({
    ...{ clock, log, inputs: () => new Map(Object.entries(inputs)) },
    snapshot: async () => {
      asked++;
      const channels = Object.entries(states).map(([name, state]) => {
        const tracks = published.includes(name) ? [{ kind: "video" }] : [];
        const description = { revision: 1, ingest: "origin", tracks };
        return { name, description, inputs: [{ kind: "site", name: "origin", state }] };
      });
      return { channels } as unknown as PlaneSnapshot;
    },
  });
  const look = async (seconds: number, ...channels: readonly ChannelStats[]): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      await watch.look(channels);
      clock.advance(1_000);
    }
  };
  return { watch, look, logged, states, asked: () => asked };
}

test("a channel whose upstreams are all down degrades the site after the time of a failover, and is logged once", async () => {
  const { watch, look, logged, states } = rig({ clip: INPUT }, { clip: "down" });
  await look(5, channel("clip", []));
  assert.deepEqual(watch.reasons, []);
  await look(3, channel("clip", []));
  assert.deepEqual(watch.reasons, ["no upstream answers for clip (from origin, north)"]);
  states["clip"] = "active";
  await look(1, channel("clip", ["origin", "south"]));
  assert.deepEqual(watch.reasons, []);
  assert.deepEqual(logged, [
    "warn: No upstream of a channel answers.",
    "info: A channel has an upstream again.",
  ]);
});

test("an upstream that waits for its publisher answers", async () => {
  const { watch, look } = rig({ clip: INPUT }, { clip: "standby" });
  await look(10, channel("clip", []));
  assert.deepEqual(watch.reasons, []);
});

test("a channel on demand matters while it has subscribers, and one that is ingested here never", async () => {
  const { watch, look, asked } = rig({ film: { ...INPUT, keep: false } }, { film: "down" });
  await look(10, channel("film", []), channel("own", []));
  assert.equal(asked(), 0);
  await look(10, channel("film", [], 1));
  assert.equal(watch.reasons.length, 1);
});

test("many channels without upstreams are one reason, which names the first of them", async () => {
  const names = ["a", "b", "c", "d", "e"];
  const inputs = Object.fromEntries(names.map((name) => [name, INPUT]));
  const { watch, look } = rig(
    inputs,
    Object.fromEntries(names.map((name) => [name, "connecting"])),
  );
  await look(7, ...names.map((name) => channel(name, [])));
  assert.match(watch.reasons.join(), /^no upstream answers for a \(.*\), c \(.*\) and 2 more$/);
});

test("a channel that had a way and has lost it degrades the site within two looks", async () => {
  const { watch, look } = rig({ clip: INPUT }, { clip: "down" });
  await look(3, channel("clip", ["origin", "south"]));
  await look(1, channel("clip", []));
  assert.deepEqual(watch.reasons, []);
  await look(1, channel("clip", []));
  assert.deepEqual(watch.reasons, ["no upstream answers for clip (from origin, north)"]);
});

test("upstreams that answer and have lost what is published degrade the site, and it is told apart", async () => {
  const states = { clip: "active", film: "down" };
  const { watch, look, logged } = rig({ clip: INPUT, film: INPUT }, states, ["clip"]);
  await look(1, channel("clip", ["origin", "south"]));
  await look(7, channel("clip", []), channel("film", []));
  assert.deepEqual(watch.reasons, [
    "no upstream answers for film (from origin, north)",
    "no upstream has a way to clip (from origin, north)",
  ]);
  await look(1, channel("clip", ["origin", "south"]), channel("film", []));
  assert.deepEqual(watch.reasons, ["no upstream answers for film (from origin, north)"]);
  assert.ok(logged.includes("warn: No upstream of a channel has a way to it."));
});
