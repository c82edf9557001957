/**
 * Trains of datagrams that do not fit the network, as the kernel itself refuses them: over the loopback of a network
 * namespace of this test's own, with an MTU of 1500.
 *
 * The file is its own child: with an argument it runs within the namespace.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Arrivals, datagramOf, opener } from "../datagrams.conformance.ts";
import { loadNative } from "./load-native.ts";

const { absence, calls } = loadNative({ disabled: false });
const run = promisify(execFile);

if (process.argv[2] === "within") await sendLargeSegments();
else {
  test("[G22] a segmented send that the kernel finds too large for the network arrives as single datagrams", async (t) => {
    if (calls === undefined) return t.skip(`no native calls: ${absence}`);
    const hasNamespaces = await run("unshare", ["--net", "ip", "link"]).then(
      () => true,
      () => false,
    );
    if (!hasNamespaces) return t.skip("network namespaces not available: needs unshare and root");
    const commands = 'ip link set lo mtu 1500 up && exec "$0" "$1" within';
    const within = [
      "--net",
      "sh",
      "-c",
      commands,
      process.execPath,
      fileURLToPath(import.meta.url),
    ];
    // The child runs no tests.
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const { stdout } = await run("unshare", within, { env, timeout: 20_000 });
    assert.deepEqual(JSON.parse(stdout), { fitting: 20, all: 20, counts: {}, mode: "batched" });
  });
}

async function sendLargeSegments(): Promise<void> {
  await using sender = await opener({ native: calls })();
  await using receiver = await opener({ native: calls })();
  const arrivals = new Arrivals(receiver);
  const to = sender.remote(receiver.host, receiver.port);
  const group = sender.openGroup();
  const sent: Uint8Array[] = [];
  const send = async (bytes: number): Promise<number> => {
    for (let at = 0; at < 10; at++) {
      const datagram = datagramOf(bytes, at);
      sent.push(datagram);
      sender.send(datagram, to);
    }
    sender.flush();
    group.add(to);
    for (let at = 0; at < 10; at++) {
      const datagram = datagramOf(bytes, at);
      sent.push(datagram);
      group.send(datagram);
    }
    group.close();
    assert.deepEqual(await arrivals.reach(sent.length), sent);
    return sender.stats.segments;
  };
  // 1500 bytes with the headers of IP and UDP, then one more.
  const fitting = await send(1_472);
  await send(1_473);
  const { mode, segments: all } = sender.stats;
  process.stdout.write(JSON.stringify({ fitting, all, counts: sender.counts, mode }));
}
