import { SeededRandom, SILENT } from "../../src/base/index.ts";
import { ChannelClient } from "../../src/channel/index.ts";
import { Playback, type PlayerStats } from "../../src/channel/playout/index.ts";
import type { RecordStatus } from "../../src/client/contract/recording.ts";
import { ChannelRecorder } from "../../src/client/record/channel-recorder.ts";
import type { WatchEvents } from "../../src/client/watch/index.ts";
import { RtpIngest } from "../../src/media/doors/rtp/rtp-ingest.ts";
import { ChannelInputs } from "../../src/media/inputs/channel-inputs.ts";
import { MemoryFile } from "../../src/media/record/record.test.support.ts";
import { RelayWorld } from "../../src/sim/index.ts";
import {
  FieldDecoders,
  FieldOutput,
  type FieldPicture,
  type FieldSound,
  type Played,
} from "./decoders.ts";
import { CALM_MS, type FieldPlan } from "./plan.ts";
import { type RecordedFile, readRecording } from "./recorded.ts";
import { AUDIO_RATE, FieldSender, type SentFrame, VIDEO_RATE } from "./sender.ts";

/** What came of a plan. */
export interface FieldOutcome {
  readonly plan: FieldPlan;
  readonly sent: readonly SentFrame[];
  /** Pictures in the order in which they were shown. */
  readonly shown: readonly Played[];
  /** Sound that was heard. */
  readonly heard: readonly Played[];
  /** Pictures that were decoded without those that they refer to. */
  readonly broken: readonly number[];
  readonly files: readonly RecordedFile[];
  /** Datagrams that the site did not take, by reason. */
  readonly ingestDrops: Readonly<Record<string, number>>;
  readonly player: PlayerStats;
  readonly recorder: RecordStatus;
  /** The player's numbers, once a second. */
  readonly samples: readonly PlayerStats[];
}

const CHANNEL = "field";
const TARGET_DELAY_MS = 100;
const SCREEN_MS = 1000 / 60;
/** The audience connects this long before the sender begins, ms. */
const BEFORE_MS = 600;
const SENDER = { host: "127.0.0.1", port: 5_000 };

/** Plays a plan: the code that ships, from the datagrams of a sender to a screen and to files. */
export async function runField(
  plan: FieldPlan,
  sets: readonly Uint8Array[],
): Promise<FieldOutcome> {
  const world = new RelayWorld({
    ...{ seed: plan.seed, latencyMs: 5, reliable: plan.linkLoss === 0, lossRatio: plan.linkLoss },
  });
  const { clock } = world;
  for (const name of ["origin", "edge"]) world.addSite(name);
  world.openChannel("origin", CHANNEL);
  world.openChannel("edge", CHANNEL, ["origin"]);

  const ingestDrops: Record<string, number> = {};
  const input = openInput(world, plan, ingestDrops);
  const recording = startRecorder(world, plan);
  const shown: Played[] = [];
  const samples: PlayerStats[] = [];
  const output = new FieldOutput(clock, plan.seed);
  const sent: SentFrame[] = [];
  const decoders = new FieldDecoders(clock, (id) => referenceOf(sent, id));
  const playback = new Playback<FieldPicture, FieldSound>(
    {
      ...{ channel: CHANNEL, urls: ["edge"], token: undefined, targetDelayMs: TARGET_DELAY_MS },
      ...{ clock, random: new SeededRandom(plan.seed) },
    },
    { dial: () => world.connect("edge"), decoders, output },
    {
      onState() {},
      onDescription() {},
      onPath() {},
      onWarning() {},
      onMessage() {},
      onPictureReady() {},
    },
  );
  let isOver = false;
  const draw = (): void => {
    if (isOver) return;
    playback.present(({ id }) => void shown.push({ id, at: clock.now() }));
    clock.after("field screen", SCREEN_MS, draw);
  };
  const sample = (): void => {
    if (isOver) return;
    samples.push(playback.stats());
    clock.after("field sample", 1_000, sample);
  };
  playback.start();
  draw();
  sample();
  await recording.recorder.start();
  await world.run(BEFORE_MS);

  const sender = new FieldSender(plan, clock, input, sets);
  for (const trouble of plan.troubles) {
    if (trouble.type !== "stall") continue;
    clock.after("field stall", trouble.at, () => world.freeze("edge"));
    clock.after("field thaw", trouble.at + trouble.ms, () => world.thaw("edge"));
  }
  // The decoders look frames up while they are sent.
  const follow = (): void => {
    while (sent.length < sender.frames.length) sent.push(sender.frames[sent.length] as SentFrame);
  };
  const endsAt = clock.now() + plan.lengthMs + CALM_MS;
  while (clock.now() < endsAt) {
    follow();
    await world.run(4);
  }
  sender.stop();
  follow();
  await world.run(1_000);
  const player = playback.stats();
  input.close();
  await world.run(1_500);
  isOver = true;
  const finished = recording.recorder.finish();
  await world.run(100);
  await finished;
  const recorder = recording.recorder.status;
  playback.close();
  world.close();
  return {
    ...{ plan, sent, shown, heard: output.played, broken: decoders.broken },
    files: await Promise.all(recording.files.map(readRecording)),
    ...{ ingestDrops, player, recorder, samples },
  };
}

interface Input {
  datagram(track: number, bytes: Uint8Array): void;
  reopen(): void;
  close(): void;
}

/** The channel's input at the origin. */
function openInput(world: RelayWorld, plan: FieldPlan, drops: Record<string, number>): Input {
  const { clock } = world;
  const random = new SeededRandom(plan.seed + 1);
  const inputs = new ChannelInputs({
    ...{ channel: CHANNEL, clock, log: SILENT, silenceMs: 300, maxPublishers: 2 },
    openPublisher: () => world.site("origin").openPublisher(CHANNEL),
    onEvent() {},
  });
  const video = {
    kind: "video",
    codec: "h264",
    payloadType: 96,
    clockRate: VIDEO_RATE,
    port: 0,
  } as const;
  const audio = {
    kind: "audio",
    codec: "opus",
    payloadType: 97,
    clockRate: AUDIO_RATE,
    channels: 2,
    port: 0,
  } as const;
  const open = (): RtpIngest =>
    inputs.add(
      { name: "main", kind: "rtp", stack: "rtp", senders: "any", isRedundant: true },
      (sink) =>
        new RtpIngest({
          input: {
            sourceName: CHANNEL,
            tracks: plan.audio ? [video, audio] : [video],
            trusted: "first",
          },
          ...{ sink, clock, random, generations: inputs.generations },
        }),
    );
  let ingest = open();
  const close = (): void => {
    for (const [reason, count] of Object.entries(ingest.drops.toJSON()))
      drops[reason] = (drops[reason] ?? 0) + count;
    inputs.remove("main", "ended");
  };
  return {
    datagram: (track, bytes) => void ingest.datagram(track, bytes, SENDER),
    reopen() {
      close();
      ingest = open();
    },
    close,
  };
}

function startRecorder(
  world: RelayWorld,
  { segmentSeconds }: FieldPlan,
): {
  readonly recorder: ChannelRecorder;
  readonly files: MemoryFile[];
} {
  const files: MemoryFile[] = [];
  const recorder = new ChannelRecorder(
    {
      ...{ channel: CHANNEL, to: "field.mkv", unattended: false, untilEnd: false, onError: "stop" },
      ...{ segmentSeconds, durationSeconds: undefined },
      ...{ keepSegments: undefined, maxBytes: undefined },
    },
    {
      clock: world.clock,
      openFile: () => {
        const file = new MemoryFile();
        files.push(file);
        return file;
      },
      watch: (events) => Promise.resolve(watch(world, events)),
      onEvent() {},
    },
  );
  return { recorder, files };
}

function watch(world: RelayWorld, events: WatchEvents): ChannelClient {
  const client = new ChannelClient(
    {
      ...{ channel: CHANNEL, sites: ["edge"], clock: world.clock, name: "recorder" },
      ...{ dial: () => world.connect("edge"), random: new SeededRandom(3) },
    },
    {
      onPacket() {},
      onDescription() {},
      onReport() {},
      onGap() {},
      onPath() {},
      onState() {},
      ...events,
    },
  );
  client.start();
  return client;
}

/** The frame that a picture refers to: the one before it in the sender's order. */
function referenceOf(sent: readonly SentFrame[], id: number): number | undefined {
  for (let at = id - 1; at >= 0; at--) if (sent[at]?.kind === "video") return at;
  return undefined;
}
