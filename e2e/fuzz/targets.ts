import { MeanderError, SeededRandom, SILENT, VirtualClock } from "../../src/base/index.ts";
import { ChannelClient, FrameReceiver } from "../../src/channel/index.ts";
import { decodeClientMessage, decodeServerMessage } from "../../src/directory/messages.ts";
import { decodeHandshake } from "../../src/host/frames/handshake-message.ts";
import { RtpIngest } from "../../src/media/index.ts";
import { plainLinks, Reflector } from "../../src/reflector/index.ts";
import { defaultChannelConfig, parseRouteConfig } from "../../src/session/index.ts";
import { decodeShellMessage, decodeSiteMessage } from "../../src/session/shell/messages.ts";
import {
  completeStack,
  composeStack,
  groupKeys,
  isSealedPacket,
  Opener,
  openPacket,
  parseStack,
  Sealer,
  sealPacket,
} from "../../src/stack/index.ts";
import { decodeFrames, decodeState, parseMessageName } from "../../src/stream/index.ts";
import { memoryPair, nodeCipher } from "../../src/transport/index.ts";
import { PacketStreamReader } from "../../src/transport/packet-stream-reader.ts";
import {
  decodeBase64,
  decodeControl,
  decodeHeader,
  decodeParameterSets,
  decodeRtcp,
  decodeRtp,
  depacketizerFor,
  FramedReader,
  followerFor,
  inspectorFor,
  KNOWN_CODECS,
  parseAacFormat,
  parseSdp,
  splitPackets,
  unpackValue,
  videoCodecString,
} from "../../src/wire/index.ts";
import { type Samples, samplesOf } from "./samples.ts";

/** Something that takes bytes from outside. */
export interface Target {
  readonly name: string;
  /** What sound input looks like. */
  readonly samples: readonly Uint8Array[];
  /** Takes one input. Throws only a {@link MeanderError}, which is a refusal in words. */
  take(bytes: Uint8Array): void;
}

/** What the descriptions of AAC say; the others need nothing. */
const PARAMETERS: Readonly<Record<string, string>> = {
  "mpeg4-generic": "sizelength=13;indexlength=3;indexdeltalength=3;config=1190",
  "mp4a-latm": "cpresent=0;config=400023203fc0",
};
/** Who sends to ingests. */
const TRUSTED = { host: "127.0.0.1", port: 5_004 };
/** Inputs after which a target with state is replaced. */
const LIFE = 2_000;

/** All targets, with samples made from `seed`. */
export function targets(seed: number): Target[] {
  const random = new SeededRandom(seed);
  const samples = samplesOf(random);
  return [
    ...decoders(samples),
    ...KNOWN_CODECS.flatMap((codec) => ofCodec(codec, samples)),
    ...machines(samples),
  ];
}

function decoders(samples: Samples): Target[] {
  const text = (
    name: string,
    texts: readonly string[],
    take: (text: string) => unknown,
  ): Target => ({
    name,
    samples: texts.map((each) => new TextEncoder().encode(each)),
    take: (bytes) => {
      try {
        take(new TextDecoder("latin1").decode(bytes));
      } catch (error) {
        if (!(error instanceof MeanderError)) throw error;
      }
    },
  });
  const bytes = (
    name: string,
    of: readonly Uint8Array[],
    take: (bytes: Uint8Array) => unknown,
  ): Target => ({
    name,
    samples: of,
    take: (input) => void take(input),
  });
  return [
    bytes("packet header", samples.packets, decodeHeader),
    bytes("packets in one piece", samples.packets, (input) => [...splitPackets(input)]),
    bytes("control message", samples.controls, decodeControl),
    bytes("RTP", samples.rtp, decodeRtp),
    bytes("RTCP", samples.rtcp, decodeRtcp),
    bytes("RTP over a stream", samples.rtp, (input) => new FramedReader().push(input)),
    bytes("stream frames", samples.frames, (input) => decodeFrames(input, () => {})),
    bytes("state of a stream", samples.states, decodeState),
    bytes("handshake of frames", samples.handshakes, decodeHandshake),
    bytes("packed value", samples.values, (input) => {
      try {
        unpackValue(input);
      } catch (error) {
        // Packed values come from sites of the session; who unpacks them expects a refusal.
        if (!(error instanceof Error)) throw error;
      }
    }),
    text("SDP", samples.sdp, parseSdp),
    text("stack", samples.stacks, (input) => [parseStack(input), completeStack(input)]),
    text("routes", samples.routes, (input) => parseRouteConfig(jsonOf(input), "fuzz")),
    text("message name", ["a:1:2", "17:3:9"], parseMessageName),
    text("base64", ["AAAA", "Z0IAH5WoFAFuQA=="], decodeBase64),
    text("parameter sets", ["Z0IAH5WoFAFuQA==,aM4G4g=="], (input) =>
      decodeParameterSets(input.split(",")),
    ),
    ...Object.entries(PARAMETERS).map(([codec, parameters]) =>
      text(`parameters of ${codec}`, [parameters], (fmtp) =>
        parseAacFormat({ codec, clockRate: 48_000, fmtp }),
      ),
    ),
    text("directory, from a client", samples.directory, decodeClientMessage),
    text("directory, from the leader", samples.directory, decodeServerMessage),
    text("shell, from outside", samples.shell, decodeShellMessage),
    text("shell, from the site", samples.shell, decodeSiteMessage),
  ];
}

function ofCodec(codec: string, samples: Samples): Target[] {
  const rtp = samples.ofCodec(codec);
  const payloads = rtp.flatMap((packet) => {
    const decoded = decodeRtp(packet);
    return typeof decoded === "string" ? [] : [decoded.payload];
  });
  const described = { clockRate: 48_000, fmtp: PARAMETERS[codec] };
  let clock = new VirtualClock();
  const receiver = renewed(() => {
    clock = new VirtualClock();
    return new FrameReceiver({ codec, ...described, waitMs: 50 });
  });
  const depacketizer = renewed(() => depacketizerFor(codec, described));
  const inspector = renewed(() => inspectorFor(codec));
  const follower = renewed(() => followerFor(codec));
  return [
    {
      name: `${codec} payload`,
      samples: payloads,
      take: (bytes) => void inspector()?.inspect(bytes, "next"),
    },
    {
      name: `${codec} pictures`,
      samples: payloads,
      take: (bytes) => {
        if (bytes.byteLength > 0) follower()?.role(bytes, bytes.byteLength % 2 === 0);
      },
    },
    {
      name: `${codec} depacketizer`,
      samples: rtp,
      take: (bytes) => {
        const packet = decodeRtp(bytes);
        const machine = depacketizer();
        if (typeof packet === "string" || machine === undefined) return;
        if (packet.sequence % 16 === 0) machine.lost();
        if (packet.sequence % 16 === 1) machine.finish();
        for (let frame = machine.push(packet); frame !== undefined; frame = machine.more()) {
          videoCodecString(codec, frame.bytes);
        }
      },
    },
    {
      name: `${codec} frames`,
      samples: rtp,
      take: (bytes) => {
        clock.advance(5);
        receiver().push(bytes, clock.now());
      },
    },
    {
      name: `${codec} key frame`,
      samples: payloads,
      take: (bytes) => void videoCodecString(codec, bytes),
    },
    { name: `${codec} ingest`, samples: rtp, take: ingest(codec) },
  ];
}

/** An ingest that gets RTP and RTCP from one trusted sender. */
function ingest(codec: string): (bytes: Uint8Array) => void {
  const track = { kind: "video", codec, payloadType: 96, clockRate: 90_000, port: 0 } as const;
  let clock = new VirtualClock();
  const machine = renewed(() => {
    clock = new VirtualClock();
    return new RtpIngest({
      input: { sourceName: "fuzz", tracks: [track], trusted: ["127.0.0.1"] },
      sink: {
        channelId: 1,
        packet() {},
        describe() {},
        report() {},
        gap() {},
        bye() {},
      },
      clock,
      random: new SeededRandom(1),
    });
  });
  return (bytes) => {
    const current = machine();
    current.datagram(0, bytes, TRUSTED);
    clock.advance(7);
  };
}

/** What lives on over many inputs. */
function machines(samples: Samples): Target[] {
  const wire = [...samples.packets, ...samples.controlPackets];
  const stream = renewed(() => new PacketStreamReader(() => {}));
  return [
    { name: "packets over a stream", samples: wire, take: (bytes) => void stream().push(bytes) },
    { name: "frag", samples: wire, take: stacked("frag:memory") },
    {
      name: "crypt over datagrams",
      samples: [...wire, ...cryptSamples(false)],
      take: stacked("crypt:memory", false),
    },
    {
      name: "crypt over a stream",
      samples: [...wire, ...cryptSamples(true)],
      take: stacked("crypt:memory", true),
    },
    sealedPackets(samples),
    { name: "reflector, from a stranger", samples: wire, take: reflector() },
    { name: "viewer, from a site", samples: wire, take: viewer() },
  ];
}

const SECRET = new TextEncoder().encode("k".repeat(64));

/** What stacks stand on. */
function portsOf(clock: VirtualClock) {
  const random = new SeededRandom(3);
  return { clock, random, log: SILENT, cipher: nodeCipher, secret: () => SECRET };
}

/** Units that two ends of `crypt` say to each other: handshakes, answers, packets or records. */
function cryptSamples(reliable: boolean): Uint8Array[] {
  const clock = new VirtualClock();
  const ends = memoryPair({ clock, reliable });
  const units: Uint8Array[] = [];
  const tapped = ends.map((end) => {
    const send = end.send.bind(end);
    return Object.assign(end, {
      send: (bytes: Uint8Array) => {
        units.push(bytes);
        return send(bytes);
      },
    });
  });
  const tops = tapped.map((end) =>
    composeStack(parseStack("crypt:memory").modules, end, portsOf(clock)),
  );
  for (const top of tops) top.onPackets(() => {});
  const packet = new Uint8Array(40);
  packet.set([0x11, 0, 40, 0]);
  for (let turn = 0; turn < 5; turn++) {
    for (const top of tops) top.send(packet);
    clock.advance(20);
  }
  return units;
}

/** What a group brings. */
function sealedPackets({ packets }: Samples): Target {
  const keys = groupKeys(nodeCipher, SECRET, new Uint8Array(16), "fuzz");
  const sealer = new Sealer(keys);
  const whole = packets.filter((packet) => typeof decodeHeader(packet) !== "string");
  const sealed = whole.flatMap((packet) => sealPacket(sealer, packet) ?? []);
  const opener = renewed(() => new Opener(keys, false));
  return {
    name: "sealed packets",
    samples: sealed,
    take: (bytes) => void (isSealedPacket(bytes) && openPacket(opener(), bytes)),
  };
}

/** Input to a stack from below. */
function stacked(stack: string, reliable = true): (bytes: Uint8Array) => void {
  let clock = new VirtualClock();
  const outside = renewed(() => {
    clock = new VirtualClock();
    const [left, right] = memoryPair({ clock, reliable });
    composeStack(parseStack(stack).modules, right, portsOf(clock)).onPackets(() => {});
    return left;
  });
  return (bytes) => {
    const current = outside();
    for (const packet of splitPackets(bytes)) current.send(packet);
    clock.advance(3);
  };
}

function reflector(): (bytes: Uint8Array) => void {
  let clock = new VirtualClock();
  let close = (): void => {};
  const outside = renewed(() => {
    close();
    clock = new VirtualClock();
    const machine = new Reflector({
      clock,
      random: new SeededRandom(1),
      log: SILENT,
      security: plainLinks(nodeCipher),
      dial: () => Promise.reject(new MeanderError("connect-refused", "no site listens there")),
      onEvent() {},
    });
    machine.configure({
      site: "fuzzed",
      instance: 1,
      linkKey: "k".repeat(64),
      maxSubscribers: 50,
      maxBitsPerSecond: 1e9,
    });
    machine.openChannel({ name: "news", id: 1, config: defaultChannelConfig() });
    const [left, right] = memoryPair({ clock });
    machine.accept(right);
    left.onPackets(() => {});
    close = () => machine.close();
    return left;
  });
  return (bytes) => {
    outside().send(bytes);
    clock.advance(5);
  };
}

function viewer(): (bytes: Uint8Array) => void {
  const clock = new VirtualClock();
  let site: ReturnType<typeof memoryPair>[0] | undefined;
  const client = new ChannelClient(
    {
      channel: "news",
      sites: ["ws://fuzz/link"],
      dial: async () => {
        const [left, right] = memoryPair({ clock });
        left.onPackets(() => {});
        site = left;
        return right;
      },
      clock,
      random: new SeededRandom(2),
      name: "fuzzed",
    },
    { onPacket() {}, onDescription() {}, onReport() {}, onGap() {}, onPath() {}, onState() {} },
  );
  client.start();
  return (bytes) => {
    site?.send(bytes);
    clock.advance(20);
  };
}

/** Replaces what it returns from time to time. */
function renewed<T>(make: () => T): () => T {
  let uses = 0;
  let current: T | undefined;
  return () => {
    if (current === undefined || ++uses % LIFE === 0) current = make();
    return current;
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
