import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { demoClipPath } from "../../src/media/index.ts";
import { SiteClient } from "../../src/site/index.ts";
import { channelAt, type SiteProcess } from "../support/network.ts";
import { json, MEANDER, meander, type Running, start } from "../support/processes.ts";
import { assertWhole, countersOf, missingIn, probe } from "../support/recorded.ts";
import { ended, noFfmpeg, RecordingNetwork, told, until } from "../support/recording-network.ts";

const recording = RecordingNetwork.use({ clip: true }, "middle", "edge");
const edge = (): SiteProcess => recording.network.site("edge");

test("a recording by configuration, while a relay dies: no gap within or between its segments", {
  skip: noFfmpeg,
}, async () => {
  const input = { from: ["middle", "origin"], stack: "udp", keep: true };
  const to = "{channel}-{number}.mkv";
  const wanted = { to, segmentSeconds: 2 };
  await edge().client.setRoutes({ channels: { clip: { input, record: wanted } } });
  const status = async () => (await edge().client.recordings())[0];
  await until("two files", async () => ((await status())?.files ?? 0) >= 2);
  assert.equal((await status())?.state, "recording");
  await recording.network.kill("middle");
  await until("the alternative", async () => {
    const inputs = (await channelAt(edge(), "clip"))?.inputs;
    return inputs?.find(({ name }) => name === "origin")?.state === "active";
  });
  const atSwitch = (await status())?.files ?? 0;
  await until("two more files", async () => ((await status())?.files ?? 0) >= atSwitch + 2);
  assert.deepEqual((await status())?.drops, {});
  const shown = await meander("status", "--site", edge().url).line((line) =>
    /^clip +recording/.test(line) ? line : undefined,
  );
  assert.match(shown, /clip-0\d+\.mkv/);
  await edge().client.setRoutes({ channels: { clip: { input } } });
  await until("the end", async () => (await edge().client.recordings()).length === 0);
  const folder = join(recording.network.folder, "edge", "recordings");
  await until("all files complete", () => edge().running.stderr().includes("the recording ended"));
  const names = (await readdir(folder)).sort();
  const numbers = names.flatMap((name) =>
    countersOf(join(folder, name)).map(({ number }) => number),
  );
  assert.ok(numbers.length >= 6 * 30, `${numbers.length} frames in ${names.length} files`);
  assert.equal(missingIn(numbers), 0);
  for (const [index, name] of names.slice(0, -1).entries())
    assertWhole(join(folder, name), 2, { isFirst: index === 0 });
});

test("a publisher that restarts gets the next file; --until-end ends with it", {
  skip: noFfmpeg,
}, async () => {
  const once = ["--file", demoClipPath(), "--loop"] as const;
  const first = recording.publish("restarted", ...once);
  await until("the first publisher", () => recording.isDescribed("restarted", 2));
  const recorder = recording.record("restarted", "restarted-{number}.mkv");
  await told(recorder, /started/);
  await until("some of it", async () => {
    const [file] = await readdir(recording.network.folder).then((all) => all.filter(isRestarted));
    return file !== undefined && (await stat(recording.fileOf(file))).size > 100_000;
  });
  await first.stop();
  await told(recorder, /finished/);
  recording.publish("restarted", ...once);
  await told(recorder, /started.*0002\.mkv/);
  await until(
    "some more",
    async () => (await stat(recording.fileOf("restarted-0002.mkv"))).size > 100_000,
  );
  const last = recording.record("restarted", "until-end.mp4", "--until-end");
  await told(last, /started/);
  recorder.child.kill("SIGTERM");
  assert.equal((await ended(recorder)).drops["out-of-order"], undefined);
  await Promise.all(
    recording.running.filter(isPublisherOf("restarted")).map((each) => each.stop()),
  );
  assert.ok((await ended(last)).frames > 0);
  for (const file of ["restarted-0001.mkv", "restarted-0002.mkv", "until-end.mp4"]) {
    assert.equal(probe(recording.fileOf(file)).complaints, "");
    assert.equal(missingIn(countersOf(recording.fileOf(file)).map(({ number }) => number)), 0);
  }
});

const isRestarted = (name: string): boolean => name.startsWith("restarted-");

function isPublisherOf(channel: string): (each: Running) => boolean {
  return ({ child }) => child.spawnargs.includes("publish") && child.spawnargs.includes(channel);
}

const canMount =
  process.getuid?.() === 0 &&
  spawnSync("unshare", ["-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).status === 0;
const noMount = canMount ? false : "mounting needs root and namespaces";

test("a full disk: the site keeps running, the file is readable, and recording resumes when there is room", {
  skip: noFfmpeg || noMount,
}, async () => {
  const disk = recording.fileOf("disk");
  await mkdir(disk);
  const args = ["site", "--json", "--name", "small", "--http-port", "0", "--udp-port", "0"];
  const folders = [
    "--data",
    recording.fileOf("small"),
    "--recordings",
    disk,
    "--join",
    recording.origin.url,
  ];
  const site = start("unshare", [
    ...["-m", "sh", "-c", 'mount -t tmpfs -o size=400k tmpfs "$0" && exec "$@"', disk],
    ...[process.execPath, MEANDER, ...args, ...folders],
  ]);
  recording.running.push(site);
  const { url, pid } = await site.line((line) => json<{ url: string; pid: number }>(line));
  const client = new SiteClient(url);
  const inside = `/proc/${pid}/root${disk}`;
  await client.setRoutes({ channels: { clip: { record: { to: "{channel}-{number}.mkv" } } } });
  const status = async () => (await client.recordings())[0];
  await until("a full disk", async () => (await status())?.reason === "the disk is full");
  const refused =
    site
      .stderr()
      .split("\n")
      .find((line) => line.includes("ENOSPC")) ?? "";
  assert.match(refused, /"file":"[^"]*disk\/clip-0001\.mkv"/);
  assert.match(refused, /the disk is full/);
  assert.equal((await client.health()).status, "ok");
  const { tracks, complaints } = probe(`${inside}/clip-0001.mkv`);
  assert.equal(complaints, "");
  assert.ok((tracks[0]?.times.length as number) > 30);
  assert.equal(missingIn(countersOf(`${inside}/clip-0001.mkv`).map(({ number }) => number)), 0);
  // There is room again.
  const enlarge = ["-t", `${pid}`, "-m", "mount", "-o", "remount,size=20m", disk];
  assert.equal(spawnSync("nsenter", enlarge).status, 0);
  await until("recording again", async () => (await status())?.state === "recording");
  assert.equal((await readdir(inside)).filter((name) => name.endsWith(".mkv")).length, 2);
  assert.ok(((await status())?.drops["disk-refused"] ?? 0) > 0);
});
