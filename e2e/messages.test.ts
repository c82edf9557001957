import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { channelAt, Network, type SiteProcess } from "./support/network.ts";
import { endOf, meander, type Running } from "./support/processes.ts";
import { until } from "./support/wait.ts";

let network: Network;
let folder: string;

before(async () => {
  network = await Network.open("origin", "edge");
  folder = await mkdtemp(join(tmpdir(), "messages-"));
});

after(async () => {
  await network?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const origin = (): SiteProcess => network.site("origin");
const edge = (): SiteProcess => network.site("edge");

/** A reader of a channel's messages at the other site, into a file. */
async function readTo(file: string, channel: string): Promise<Running> {
  const reader = meander("play", channel, "--text", "--site", edge().url, "--output", file);
  await until("the reader", async () => {
    return (await channelAt(edge(), channel))?.subscribers.some(({ state }) => state === "live");
  });
  await until("its site", async () => {
    return (await channelAt(origin(), channel))?.subscribers.some(({ state }) => state === "live");
  });
  return reader;
}

const contentOf = (file: string): Promise<Buffer> => readFile(file).catch(() => Buffer.alloc(0));

test("lines arrive as they are, whatever bytes they have; one that is too large is refused alone", async () => {
  const channel = "lines";
  await edge().client.setRoutes({ channels: { [channel]: { input: { from: ["origin"] } } } });
  const publisher = meander("publish", channel, "--text", "--site", origin().url);
  await until("the channel", async () => (await channelAt(origin(), channel)) !== undefined);
  const file = join(folder, "lines.txt");
  const reader = await readTo(file, channel);
  try {
    const odd = Buffer.from([0xef, 0xbb, 0xbf, 65, 0, 66, 0xff, 0xfe, 0xc3]);
    const lines = [
      ...["first", "", "Grüße €", "a\u2028b\u0085c", "x".repeat(60_000)].map((text) =>
        Buffer.from(text),
      ),
      ...[odd, Buffer.from("last without end")],
    ];
    const sent = lines.flatMap((line, index) => {
      const end = index === lines.length - 1 ? "" : index === 1 ? "\r\n" : "\n";
      return [line, Buffer.from(end)];
    });
    sent.splice(4, 0, Buffer.from(`${"€".repeat(25_000)}\n`));
    for (const part of sent) publisher.child.stdin?.write(part);
    publisher.child.stdin?.end();
    assert.equal(await endOf(publisher), 0, publisher.stderr());
    assert.match(publisher.stderr(), /line 3 was not published: it has 75000 bytes/);
    const expected = Buffer.concat(lines.map((line) => Buffer.concat([line, Buffer.from("\n")])));
    await until("the lines", async () => (await contentOf(file)).byteLength >= expected.byteLength);
    assert.deepEqual(await contentOf(file), expected);
  } finally {
    await Promise.all([publisher, reader].map((running) => running.stop()));
  }
});

test("bytes of any kind pass the HTTP API, two sites and a reader unchanged", async () => {
  const channel = "bytes";
  await edge().client.setRoutes({ channels: { [channel]: { input: { from: ["origin"] } } } });
  const { client } = origin();
  await client.publishData(channel);
  const file = join(folder, "bytes.bin");
  const reader = await readTo(file, channel);
  try {
    const all = Uint8Array.from({ length: 60_000 }, (_, index) => (index * 7) & 0xff);
    const messages = [Uint8Array.of(0), Uint8Array.of(), Uint8Array.of(0xff, 0xfe, 10, 13), all];
    for (const message of messages) {
      await client.sendMessage(channel, "application/octet-stream", message);
    }
    const expected = Buffer.concat(messages);
    await until("the bytes", async () => (await contentOf(file)).byteLength >= expected.byteLength);
    assert.deepEqual(await contentOf(file), expected);
  } finally {
    await reader.stop();
    await client.unpublish(channel);
  }
});
