import assert from "node:assert/strict";
import { test } from "node:test";
import { routeConfigSchema } from "../../session/index.ts";
import { type ChannelFacts, desiredChannels, unknownChannels } from "./desired-channels.ts";

const CLIP = { name: "clip", id: 7, ingests: ["origin"] };

function facts(changes: Partial<ChannelFacts> = {}, routes: unknown = {}): ChannelFacts {
  return {
    self: "south",
    routes: routeConfigSchema.parse(routes),
    channels: [CLIP],
    wanted: new Set(),
    ingested: new Set(),
    ...changes,
  };
}

test("a channel that is not wanted is not opened", () => {
  assert.equal(desiredChannels(facts()).size, 0);
});

test("a configured channel is opened as it is configured", () => {
  const input = { from: ["middle", "north"], stack: "tcp", keep: true };
  const { config, id } =
    desiredChannels(facts({}, { channels: { clip: { input, silenceMs: 200 } } })).get("clip") ?? {};
  assert.equal(id, 7);
  assert.deepEqual(config?.input, input);
  assert.equal(config?.silenceMs, 200);
});

test("a channel that is wanted comes from the upstreams, else from its ingest, on demand", () => {
  const wanted = new Set(["clip"]);
  const viaUpstreams = desiredChannels(
    facts({ wanted }, { upstreams: ["north"], stack: "websocket" }),
  ).get("clip");
  assert.deepEqual(viaUpstreams?.config.input, {
    from: ["north"],
    stack: "websocket",
    keep: false,
  });
  const direct = desiredChannels(facts({ wanted })).get("clip");
  assert.deepEqual(direct?.config.input, { from: ["origin"], stack: "udp", keep: false });
});

test("a channel configured without an input is still taken from its ingest", () => {
  const { config } =
    desiredChannels(facts({}, { channels: { clip: { maxSubscribers: 3 } } })).get("clip") ?? {};
  assert.equal(config?.maxSubscribers, 3);
  assert.deepEqual(config?.input?.from, ["origin"]);
});

test("what is ingested here is not taken from elsewhere, unless that is configured", () => {
  const ingested = new Set(["clip"]);
  assert.equal(
    desiredChannels(facts({ ingested }, { upstreams: ["north"] })).get("clip")?.config.input,
    undefined,
  );
  const configured = facts({ ingested }, { channels: { clip: { input: { from: ["north"] } } } });
  assert.deepEqual(desiredChannels(configured).get("clip")?.config.input?.from, ["north"]);
});

test("a site never takes a channel from itself", () => {
  const routes = { channels: { clip: { input: { from: ["south", "north"] } } } };
  assert.deepEqual(desiredChannels(facts({}, routes)).get("clip")?.config.input?.from, ["north"]);
  const alone = { channels: { clip: { input: { from: ["south"] } } } };
  assert.equal(desiredChannels(facts({}, alone)).get("clip")?.config.input, undefined);
});

test("configured channels that the session does not know are named, to get their ids", () => {
  const both = facts({}, { channels: { clip: {}, news: {} } });
  assert.deepEqual(unknownChannels(both), ["news"]);
  assert.deepEqual([...desiredChannels(both).keys()], ["clip"]);
});
