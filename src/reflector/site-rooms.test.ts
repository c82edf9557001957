import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/index.ts";
import type { ControlMessage, SiteRoom } from "../wire/index.ts";
import { SiteRooms } from "./site-rooms.ts";

const PLENTY: SiteRoom = { subscribers: 1_000, bitsPerSecond: 1e9 };

/** A site `home` with neighbours, and what it told each of them. */
function rig(own: () => SiteRoom = () => PLENTY) {
  const clock = new VirtualClock();
  const heard: ControlMessage[] = [];
  const neighbour = {
    state: "open" as const,
    remote: { role: "site" as const, name: "a", instance: 1, token: "", heartbeatMs: 50 },
    sendControl: (message: ControlMessage) => heard.push(message) > 0,
  };
  const neighbours = [neighbour];
  const rooms = new SiteRooms({
    ...{ clock, own, sites: () => new Set(["a", "b", "c"]), neighbours: () => neighbours },
  });
  /** What is told in so many seconds. */
  const told = (seconds: number): (SiteRoom | undefined)[] => {
    heard.length = 0;
    for (let second = 0; second < seconds; second++) {
      clock.advance(1_000);
      rooms.tick();
    }
    return heard.map((message) => {
      assert.equal(message.type, "started");
      return message.type === "started" ? message.room : undefined;
    });
  };
  return { clock, neighbours, neighbour, rooms, told };
}

test("[W37] a site tells its neighbours its room at once, when it has changed by much, and every 10 s", () => {
  let subscribers = 1_000;
  const { told, neighbours, neighbour } = rig(() => ({ ...PLENTY, subscribers }));
  const first = told(1);
  assert.deepEqual(
    first.map((room) => room?.subscribers),
    [768],
  );
  subscribers = 990;
  assert.deepEqual(told(8), [], "a viewer more is not worth a message");
  assert.equal(told(3).length, 1, "it is repeated");
  subscribers = 100;
  assert.deepEqual(
    told(5).map((room) => room?.subscribers),
    [96],
  );
  subscribers = 0;
  assert.deepEqual(
    told(1).map((room) => room?.subscribers),
    [0],
  );
  neighbours.push({ ...neighbour });
  assert.equal(told(1).length, 1, "a new neighbour is told at once");
});

test("[W37] viewers and others that are no sites are told nothing", () => {
  const { told, neighbour, neighbours } = rig();
  neighbours[0] = { ...neighbour, remote: { ...neighbour.remote, role: "viewer" as never } };
  assert.deepEqual(told(20), []);
});

test("[W37] the room of a site counts in subscribers, of what they receive", () => {
  const { rooms } = rig();
  rooms.told("a", { subscribers: 100, bitsPerSecond: 50e6 });
  assert.equal(rooms.subscribersAt("a", undefined), 100);
  assert.equal(rooms.subscribersAt("a", 100e3), 100);
  assert.equal(rooms.subscribersAt("a", 1e6), 50);
  assert.equal(rooms.subscribersAt("a", 60e6), 0);
  assert.equal(rooms.subscribersAt("b", 1e6), undefined);
});

test("[W37] what is not repeated is forgotten after a minute", () => {
  const { clock, rooms, told } = rig();
  rooms.told("a", PLENTY);
  told(30);
  rooms.passedOn([{ site: "b", ...PLENTY }]);
  told(31);
  assert.deepEqual(
    ["a", "b"].map((site) => rooms.subscribersAt(site, undefined)),
    [undefined, 1_000],
  );
  clock.advance(60_000);
  told(1);
  assert.equal(rooms.subscribersAt("b", undefined), undefined);
});

test("[W37] a neighbour's own word counts for more than what the leader passes on, as long as it is new", () => {
  const { rooms, told } = rig();
  const passOn = (subscribers: number): void =>
    rooms.passedOn([{ site: "a", subscribers, bitsPerSecond: 1e9 }]);
  rooms.told("a", { ...PLENTY, subscribers: 10 });
  passOn(500);
  assert.equal(rooms.subscribersAt("a", undefined), 10);
  told(16);
  passOn(500);
  assert.equal(rooms.subscribersAt("a", undefined), 500);
  rooms.told("a", { ...PLENTY, subscribers: 12 });
  assert.equal(rooms.subscribersAt("a", undefined), 12);
});

test("[W37] nothing is believed of sites that the session does not have", () => {
  const { rooms } = rig();
  rooms.told("stranger", PLENTY);
  rooms.passedOn([{ site: "other", ...PLENTY }]);
  for (const site of ["stranger", "other"])
    assert.equal(rooms.subscribersAt(site, undefined), undefined);
});
