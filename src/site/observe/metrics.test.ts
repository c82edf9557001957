import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  ChannelSnapshot,
  InputSnapshot,
  PlaneSnapshot,
  StreamsView,
  SubscriberSnapshot,
} from "../../client/contract/index.ts";
import { Metrics } from "./metrics.ts";

const NO_STREAMS = {
  streams: [],
  counts: {
    ...{ resident: 0, shells: 0, messages: {}, frames: {}, refusedShells: {}, peers: [] },
    executors: { processes: 2, memoryMb: 41.5, groups: "none" },
  },
} as unknown as StreamsView;

const DATAGRAMS = {
  ...{ mode: "plain", reason: "", sendCalls: 0, sent: 0, segments: 0, receiveCalls: 0 },
  received: 0,
} as PlaneSnapshot["datagrams"];

const AUDIT = { records: { allowed: 3, denied: 2, failed: 1 }, folded: 7, lost: 5 };
const DIRECTORY = { isConnected: true, refused: { denied: 3 } };

/** The text of one scrape. */
function textOf(metrics: Metrics, channel?: ChannelSnapshot): Promise<string> {
  const channels = channel === undefined ? [] : [channel];
  const snapshot = { at: 0, channels, peers: [], drops: {}, datagrams: DATAGRAMS };
  return metrics.render(snapshot, DIRECTORY, NO_STREAMS, { main: 0, plane: 0 }, AUDIT);
}

/** The samples of one scrape, by name and labels. */
async function scrape(
  metrics: Metrics,
  channel?: ChannelSnapshot,
): Promise<(name: string, ...labels: string[]) => number> {
  const text = await textOf(metrics, channel);
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  return (name, ...labels) => {
    const found = lines.filter((line) => {
      return line.startsWith(`${name}{`) && labels.every((label) => line.includes(label));
    });
    return found.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  };
}

test("records of the audit log are counted by verdict, and so are those that are lost", async () => {
  const sample = await scrape(new Metrics("a"));
  assert.equal(sample("meander_audit_records_total"), 6);
  assert.equal(sample("meander_audit_records_total", 'verdict="denied"'), 2);
  assert.equal(sample("meander_audit_folded_total"), 7);
  assert.equal(sample("meander_audit_lost_total"), 5);
});

test("processor time counts from the start of the process, not from the first scrape", async () => {
  const metrics = new Metrics("a");
  const before = process.cpuUsage();
  const first = await scrape(metrics);
  const least = (before.user + before.system) / 1e6;
  assert.ok(first("process_cpu_seconds_total") >= least);
  assert.ok(first("process_cpu_user_seconds_total") >= before.user / 1e6);
  assert.ok(first("process_cpu_system_seconds_total") >= before.system / 1e6);
  const { user, system } = process.cpuUsage();
  assert.ok(first("process_cpu_seconds_total") <= (user + system) / 1e6);
  const second = await scrape(metrics);
  assert.ok(second("process_cpu_seconds_total") >= first("process_cpu_seconds_total"));
});

test("all that inputs and subscribers were counted is in the sums, also of those that are gone", async () => {
  const input: InputSnapshot = {
    kind: "rtp",
    name: 'a"b\\c\nd',
    connection: "rtp",
    state: "active",
    packets: 10,
    bytes: 1_000,
    drops: { duplicate: 1 },
  };
  const viewer: SubscriberSnapshot = {
    id: 1,
    kind: "viewer",
    name: "v",
    address: "",
    stack: "websocket",
    state: "live",
    packets: 7,
    bytes: 700,
    lagMs: 0,
    drops: { "queue-full": 2 },
  };
  const channel: ChannelSnapshot = {
    ...{ name: "clip", id: 1, description: undefined, path: [], drops: {} },
    ...{ packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0 },
    ...{ latencyMs: undefined, jitterMs: undefined, history: { packets: 0, bytes: 0, ms: 0 } },
    inputs: [input],
    subscribers: [viewer],
    past: {
      inputs: [
        { kind: "rtp", name: input.name, packets: 5, bytes: 500, drops: { duplicate: 2 } },
        { kind: "rtp", name: "gone", packets: 3, bytes: 30, drops: {} },
      ],
      subscribers: [
        { kind: "viewer", packets: 100, bytes: 10_000, drops: { "queue-full": 1, skips: 4 } },
        { kind: "rtp", packets: 50, bytes: 500, drops: {} },
      ],
    },
  };
  const metrics = new Metrics("a");
  for (let scrapes = 0; scrapes < 2; scrapes++) {
    const value = await scrape(metrics, channel);
    assert.equal(value("meander_directory_refused_total", 'reason="denied"'), 3);
    const named = 'input="a\\"b\\\\c\\nd"';
    assert.equal(value("meander_input_packets_total", named), 15);
    assert.equal(value("meander_input_bytes_total", named), 1_500);
    assert.equal(value("meander_input_drops_total", named, 'reason="duplicate"'), 3);
    assert.equal(value("meander_input_packets_total", 'input="gone"'), 3);
    assert.equal(value("meander_subscriber_packets_total", 'kind="viewer"'), 107);
    assert.equal(value("meander_subscriber_bytes_total", 'kind="viewer"'), 10_700);
    assert.equal(value("meander_subscriber_drops_total", 'reason="queue-full"'), 3);
    assert.equal(value("meander_subscriber_drops_total", 'reason="skips"'), 4);
    assert.equal(value("meander_subscriber_packets_total", 'kind="rtp"'), 50);
  }
});

test("a label holds any name on its line: quotes, backslashes and what ends lines are escaped", async () => {
  const name = 'a"b\\c\nd\re\u2028f\x1b[2J';
  const channel: ChannelSnapshot = {
    ...{ name, id: 1, description: undefined, path: [], drops: { [name]: 1 } },
    ...{ packetsIn: 5, bytesIn: 0, packetsOut: 0, bytesOut: 0, inputs: [], subscribers: [] },
    ...{ latencyMs: undefined, jitterMs: undefined, history: { packets: 0, bytes: 0, ms: 0 } },
  };
  const text = await textOf(new Metrics("a"), channel);
  const label = String.raw`a\"b\\c\nd\\x0de\\u{2028}f\\x1b[2J`;
  assert.ok(
    text.includes(`meander_channel_packets_in_total{channel="${label}",site="a"} 5\n`),
    text,
  );
  assert.ok(text.includes(`channel="${label}",reason="${label}"`), text);
  // Each line is a comment, empty, or a sample as the format has it.
  const sample =
    /^[a-z0-9_]+(\{[a-z0-9_]+="(?:[^"\\\n]|\\["\\n])*"(,[a-z0-9_]+="(?:[^"\\\n]|\\["\\n])*")*\})? \S+$/;
  for (const line of text.split(/[\r\n\u2028\u2029]/))
    assert.ok(line === "" || line.startsWith("# ") || sample.test(line), line);
});
