import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import { MeanderError, VirtualClock } from "../base/index.ts";
import type { MulticastControls } from "./datagrams.ts";
import { GroupMembership } from "./group-membership.ts";
import { findInterface } from "./interfaces.ts";
import { isMulticast } from "./multicast.ts";

const IPV4 = { netmask: "", family: "IPv4", internal: false, cidr: null } as const;
const IPV6 = { ...IPV4, family: "IPv6", scopeid: 3 } as const;

function eth0(mac = "02:00:00:00:00:01"): NodeJS.Dict<NetworkInterfaceInfo[]> {
  return {
    eth0: [
      { ...IPV4, address: "192.0.2.7", mac },
      { ...IPV6, address: "fe80::7", mac },
    ],
  };
}

/** A socket whose memberships are remembered, on interfaces that change. */
class FakeSocket {
  readonly calls: string[] = [];
  refusal: string | undefined;
  readonly multicast = {
    addMembership: (group: string, on?: string) => this.#call(`join ${group} ${on}`),
    addSourceSpecificMembership: (source: string, group: string, on?: string) =>
      this.#call(`join ${group} of ${source} ${on}`),
    dropMembership: (group: string, on?: string) => void this.calls.push(`leave ${group} ${on}`),
  } as unknown as MulticastControls;

  #call(text: string): void {
    if (this.refusal !== undefined) throw new Error(this.refusal);
    this.calls.push(text);
  }
}

function member(changes: { sources?: string[]; address?: string; on?: string } = {}) {
  const { address = "239.1.2.3", sources, on = "eth0" } = changes;
  const clock = new VirtualClock();
  const socket = new FakeSocket();
  const world = { list: eth0(), heardAt: 0 };
  const events: string[] = [];
  const membership = new GroupMembership({
    sockets: [socket],
    group: { address, sources, interface: on },
    clock,
    interfaces: () => world.list,
    heardAt: () => world.heardAt,
    onChange: (change, reason) => events.push(`${change}: ${reason}`),
  });
  return { clock, socket, world, events, membership };
}

test("[G30] a group is joined on the interface named, from its sources alone where there are some", () => {
  assert.deepEqual(member().socket.calls, ["join 239.1.2.3 192.0.2.7"]);
  assert.deepEqual(member({ on: "192.0.2.7" }).socket.calls, ["join 239.1.2.3 192.0.2.7"]);
  assert.deepEqual(member({ address: "ff15::1" }).socket.calls, ["join ff15::1 ::%eth0"]);
  assert.deepEqual(member({ sources: ["192.0.2.1", "192.0.2.2"] }).socket.calls, [
    "join 239.1.2.3 of 192.0.2.1 192.0.2.7",
    "join 239.1.2.3 of 192.0.2.2 192.0.2.7",
  ]);
});

test("[G33] it is joined again when the interface has become another, and when it is back", () => {
  const { clock, events, membership, socket, world } = member();
  world.list = eth0("02:00:00:00:00:02");
  clock.advance(1_000);
  assert.deepEqual(events, ["joined: the interface has changed"]);
  assert.deepEqual(socket.calls.slice(1), [
    "leave 239.1.2.3 192.0.2.7",
    "join 239.1.2.3 192.0.2.7",
  ]);
  world.list = {};
  clock.advance(5_000);
  assert.ok(membership.isLost);
  assert.equal(events.length, 2);
  assert.match(events[1] as string, /^lost: .*no interface/);
  world.list = eth0();
  clock.advance(1_000);
  assert.ok(!membership.isLost);
  assert.equal(events.length, 3);
  assert.equal(membership.rejoins, 2);
  membership[Symbol.dispose]();
  assert.equal(socket.calls.at(-1), "leave 239.1.2.3 192.0.2.7");
  const count = socket.calls.length;
  clock.advance(60_000);
  assert.equal(socket.calls.length, count);
});

test("[G33] a silent group is joined again every ten seconds, an active one is not", () => {
  const { clock, events, membership, world } = member();
  for (let second = 0; second < 30; second++) {
    world.heardAt = clock.now();
    clock.advance(1_000);
  }
  assert.equal(membership.rejoins, 0);
  clock.advance(21_000);
  assert.equal(membership.rejoins, 2);
  assert.deepEqual(events, []);
});

test("what cannot be joined is refused, with the reason", () => {
  const refusal = (changes: Parameters<typeof member>[0]): MeanderError => {
    try {
      member(changes);
    } catch (error) {
      if (error instanceof MeanderError) return error;
    }
    throw new Error("it was joined");
  };
  assert.equal(refusal({ address: "10.1.2.3" }).code, "multicast-refused");
  assert.equal(refusal({ address: "talk.example" }).code, "multicast-refused");
  const unknown = refusal({ on: "eth9" });
  assert.equal(unknown.code, "interface-unknown");
  assert.match(unknown.message, /eth9.*eth0/);
});

test("interfaces are found by name and address, of the family that is needed", () => {
  const only4 = (): NodeJS.Dict<NetworkInterfaceInfo[]> => ({
    tun0: [{ ...IPV4, address: "10.0.0.1", mac: "" }],
  });
  assert.equal(findInterface("tun0", 4, only4).address, "10.0.0.1");
  assert.throws(() => findInterface("tun0", 6, only4), /no IPv6 address/);
  assert.equal(findInterface("FE80::7", 4, () => eth0()).address, "192.0.2.7");
});

test("group addresses are distinguished from other addresses", () => {
  for (const group of ["224.0.0.1", "239.255.255.255", "ff02::1", "ff02::1%eth0", "FF15::1"])
    assert.ok(isMulticast(group), group);
  for (const other of ["223.255.255.255", "240.0.0.1", "fe80::1", "::1", "a.example", ""])
    assert.ok(!isMulticast(other), other);
});
