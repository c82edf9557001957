/**
 * Mobile streams: messages per second from a stream to one at another site, in another process; how long until the sender knows that a message is consumed; how
 * long a move takes under load; what a thousand streams weigh; how long the process of an owner's agents takes to start, and what it weighs; and how fast the simulator is. Beside a plain TCP connection, which is the limit, and NATS, where it
 * is installed, in the same run.
 *
 *   npm run bench -- streams [--json] [--seconds 3] [--rounds 3]
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureStarts } from "./support/executor-starts.ts";
import { thisMachine } from "./support/machine.ts";
import { median } from "./support/median.ts";
import { measureTcpLimit } from "./support/message-arm.ts";
import { measureNats, type NatsMode } from "./support/nats-arms.ts";
import { openNatsServer } from "./support/nats-server.ts";
import { simulated } from "./support/simulated-session.ts";
import { StreamPair } from "./support/streams-run.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
  },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const MOVES = 200;

const machine = thisMachine();
const appends: Record<string, number[]> = {};
const note = (name: string, value: number | undefined): void => {
  if (value === undefined) return;
  appends[name] ??= [];
  appends[name].push(value);
  process.stderr.write(`${name}: ${Math.round(value).toLocaleString("en")} messages/s\n`);
};

const acks: number[] = [];
const moves: { p50Ms: number; p99Ms: number }[] = [];
const wrong = { lost: 0, repeated: 0, outOfOrder: 0 };
let rss = 0;
for (let round = 0; round < rounds; round++) {
  note("tcpLimit", (await measureTcpLimit(seconds)).messagesPerSecond);
  note("natsCore", await nats("core"));
  note("natsJetStream", await nats("jetstream"));
  await using pair = await StreamPair.start();
  note("inline", await pair.appendsPerSecond("inline", 100_000 * seconds));
  note("process", await pair.appendsPerSecond("process", 40_000 * seconds));
  acks.push(await pair.ackP50Us(3_000));
  const { p50Ms, p99Ms, report } = await pair.moves(MOVES);
  moves.push({ p50Ms, p99Ms });
  wrong.lost += report.lost;
  wrong.repeated += report.repeated;
  wrong.outOfOrder += report.outOfOrder;
  process.stderr.write(`move: ${p50Ms.toFixed(1)} ms, 99 % within ${p99Ms.toFixed(1)} ms\n`);
  if (round === rounds - 1) rss = await pair.rssMb(1_000);
}

const simulator = await simulated();
const starts = await measureStarts(5, 20);

const perSecond = Object.fromEntries(
  Object.entries(appends).map(([name, each]) => [name, Math.round(median(each))]),
);
const answer = {
  bench: "streams",
  machine,
  messageBytes: 100,
  seconds,
  rounds,
  appendsPerSecond: perSecond,
  ackP50Us: Math.round(median(acks)),
  moveP50Ms: Number(median(moves.map(({ p50Ms }) => p50Ms)).toFixed(2)),
  moveP99Ms: Number(median(moves.map(({ p99Ms }) => p99Ms)).toFixed(2)),
  ...wrong,
  rssMb1000Streams: Math.round(rss),
  simEventsPerCpuSecond: simulator,
  ...starts,
};
if (values.json) process.stdout.write(`${JSON.stringify(answer)}\n`);
else {
  for (const [name, value] of Object.entries(perSecond))
    process.stdout.write(
      `${name.padEnd(16)} ${value.toLocaleString("en").padStart(12)} messages/s\n`,
    );
  const { ackP50Us, moveP50Ms, moveP99Ms, rssMb1000Streams, simEventsPerCpuSecond } = answer;
  const { executorStartMs, memoryPerOwnerMb } = answer;
  process.stdout.write(
    `an owner's first agent starts in ${executorStartMs.warm} ms (${executorStartMs.cold} ms with no process ready), and takes ${memoryPerOwnerMb} MiB\n`,
  );
  process.stdout.write(
    `acknowledged after ${ackP50Us} µs; moved in ${moveP50Ms} ms (99 %: ${moveP99Ms} ms) under load: ${wrong.lost} lost, ${wrong.repeated} repeated, ` +
      `${wrong.outOfOrder} out of order\n1000 streams: ${rssMb1000Streams} MiB; simulator: ${simEventsPerCpuSecond.toLocaleString("en")} events per CPU second\n`,
  );
}
process.exit(0);

async function nats(mode: NatsMode): Promise<number | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "meander-nats-"));
  try {
    const server = await openNatsServer(folder);
    if (server === undefined) return undefined;
    try {
      return (await measureNats(mode, server, seconds)).messagesPerSecond;
    } finally {
      await server.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
