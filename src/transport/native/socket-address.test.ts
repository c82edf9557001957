import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalHost } from "../address.ts";
import { RemoteEntry } from "../remote-entry.ts";
import { addressOf, hasAddress, RawRemotes } from "./raw-remotes.ts";
import { decodeHost, encodeSocketAddress, portOf } from "./socket-address.ts";

const ports = fc.integer({ min: 1, max: 65_535 });
const hosts = fc.oneof(fc.ipV4(), fc.ipV6());

test("an address is read as it was written", () => {
  fc.assert(
    fc.property(hosts, ports, (host, port) => {
      const words = encodeSocketAddress(host, port);
      assert.equal(decodeHost(words, 0), canonicalHost(host));
      assert.equal(portOf(words[0] as number), port);
    }),
  );
});

test("addresses lie in memory as the kernel has them", () => {
  const bytes = (host: string, port: number): Uint8Array =>
    new Uint8Array(encodeSocketAddress(host, port).buffer);
  assert.deepEqual([...bytes("10.1.2.3", 0x1234).subarray(0, 8)], [2, 0, 0x12, 0x34, 10, 1, 2, 3]);
  const ipv6 = [...bytes("2001:db8::1:2", 7)];
  assert.deepEqual(ipv6.slice(0, 8), [10, 0, 0, 7, 0, 0, 0, 0]);
  assert.deepEqual(ipv6.slice(8, 24), [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2]);
  const mapped = bytes("::ffff:10.1.2.3", 7).subarray(18, 24);
  assert.deepEqual([...mapped], [255, 255, 10, 1, 2, 3]);
});

test("a zone is the number of its interface", () => {
  assert.equal(encodeSocketAddress("fe80::1%17", 9)[6], 17);
  assert.equal(encodeSocketAddress("fe80::1%no-such-interface", 9)[6], 0);
  assert.equal(decodeHost(encodeSocketAddress("fe80::1%999999", 9), 0), "fe80::1%999999");
});

test("remotes are found by their address, and only by it", () => {
  const entries = fc.uniqueArray(fc.record({ host: hosts.map(canonicalHost), port: ports }), {
    selector: ({ host, port }) => `${host} ${port}`,
    maxLength: 60,
  });
  fc.assert(
    fc.property(entries, (all) => {
      const remotes = new RawRemotes();
      const made = all.map(({ host, port }) => new RemoteEntry(host, port));
      const gone = made.filter((_, index) => index % 3 === 0);
      for (const entry of made) remotes.add(entry);
      for (const entry of gone) remotes.delete(entry);
      for (const entry of made) {
        const words = addressOf(entry).slice();
        // The sender's own business.
        if (entry.host.includes(":")) words[1] = 0x1234;
        const found = remotes.find(words, 0);
        assert.equal(found, gone.includes(entry) ? undefined : entry);
        const stranger = remotes.findOrMake(words, 0);
        assert.deepEqual([stranger.host, stranger.port], [entry.host, entry.port]);
        assert(hasAddress(stranger, words, 0));
        // The same again, without looking.
        assert.equal(remotes.findOrMake(words, 0), stranger);
      }
      // Who becomes known is known at once.
      const [late] = gone;
      if (late === undefined) return;
      remotes.findOrMake(addressOf(late), 0);
      remotes.add(late);
      assert.equal(remotes.findOrMake(addressOf(late), 0), late);
    }),
  );
});
