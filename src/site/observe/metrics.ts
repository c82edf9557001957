import { Counter, Gauge, Registry } from "prom-client";
import type {
  AuditCounts,
  ChannelSnapshot,
  PlaneSnapshot,
  SiteStats,
  StreamCounts,
  StreamsView,
} from "../../client/contract/index.ts";
import { visibleText } from "../../view/index.ts";
import { watchProcess } from "./process-metrics.ts";

/** How the directory is doing. */
export interface DirectoryReadings {
  readonly isConnected: boolean;
  /** What its server refused, by reason; none at a site that does not lead. */
  readonly refused: Readonly<Record<string, number>>;
}

/**
 * The site in the format of Prometheus: counts per channel, input, output and drop reason, read when asked. All count
 * from the start of the site, whenever they are read first, and go on when an input is opened again.
 */
export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #process = new Registry();
  readonly #site: string;

  constructor(site: string) {
    this.contentType = this.#registry.contentType;
    this.#site = site;
    this.#process.setDefaultLabels({ site });
    watchProcess(this.#process);
  }

  /** The text for one scrape. */
  async render(
    snapshot: PlaneSnapshot,
    directory: DirectoryReadings,
    { streams, counts }: StreamsView,
    loopMs: SiteStats["loopMs"],
    audit: AuditCounts,
  ): Promise<string> {
    this.#registry.clear();
    // Clearing takes the labels too.
    this.#registry.setDefaultLabels({ site: this.#site });
    this.#describeSite(snapshot, directory);
    for (const channel of snapshot.channels) this.#describeChannel(channel);
    this.#gauge("meander_streams_known", "Streams of the session", {}, streams.length);
    this.#describeStreams(counts);
    this.#describeAudit(audit);
    for (const [thread, ms] of Object.entries(loopMs)) {
      this.#gauge(
        "nodejs_eventloop_lag_p99_seconds",
        "99th percentile of the time that work waited for its thread in about the last second",
        { thread },
        ms / 1000,
      );
    }
    return `${await this.#registry.metrics()}\n${await this.#process.metrics()}`;
  }

  #describeSite(snapshot: PlaneSnapshot, { isConnected, refused }: DirectoryReadings): void {
    this.#gauge(
      "meander_directory_connected",
      "1 while the directory can be reached",
      {},
      Number(isConnected),
    );
    const help = "Members refused, cut off or denied, at the leader";
    this.#drops("meander_directory_refused_total", help, {}, refused);
    for (const peer of snapshot.peers) {
      const labels = {
        peer: peer.name,
        role: peer.role,
        stack: peer.stack,
        direction: peer.direction,
        state: peer.state,
      };
      if (peer.role === "site") this.#gauge("meander_peer", "Links to other sites", labels, 1);
    }
    this.#describeDatagrams(snapshot.datagrams);
    const viewers = snapshot.peers.filter((peer) => peer.role === "viewer").length;
    this.#gauge("meander_viewers", "Viewers connected", {}, viewers);
    for (const [reason, count] of Object.entries(snapshot.drops)) {
      this.#count(
        "meander_drops_total",
        "Packets dropped that belong to no channel",
        { reason },
        count,
      );
    }
  }

  #describeAudit({ records, folded, lost }: AuditCounts): void {
    for (const [verdict, count] of Object.entries(records))
      this.#count("meander_audit_records_total", "Records of the audit log", { verdict }, count);
    this.#count("meander_audit_folded_total", "Acts that are told of in numbers alone", {}, folded);
    this.#count("meander_audit_lost_total", "Records that did not get to the disk", {}, lost);
  }

  #describeDatagrams(stats: PlaneSnapshot["datagrams"]): void {
    const { mode, received, receiveCalls, segments, sendCalls, sent } = stats;
    const isBatched = Number(mode === "batched");
    this.#gauge("meander_udp_batched", "1 while datagrams go in batches", {}, isBatched);
    for (const [what, help, count] of [
      ["send_calls", "System calls that sent datagrams", sendCalls],
      ["sent", "Datagrams sent", sent],
      ["segments", "Datagrams sent in trains that the kernel cut", segments],
      ["receive_calls", "System calls that received datagrams in batches", receiveCalls],
      ["received_batched", "Datagrams received by those", received],
    ] as const) {
      this.#count(`meander_udp_${what}_total`, help, {}, count);
    }
  }

  #describeStreams({
    resident,
    shells,
    messages,
    frames,
    refusedShells,
    peers,
    executors,
  }: StreamCounts): void {
    this.#gauge("meander_streams_resident", "Streams at this site", {}, resident);
    this.#gauge("meander_shells", "Shells attached", {}, shells);
    const { processes, memoryMb } = executors;
    this.#gauge("meander_agent_processes", "Processes that agents run in", {}, processes);
    if (memoryMb !== null) {
      const bytes = Math.round(memoryMb * 2 ** 20);
      this.#gauge("meander_agent_memory_bytes", "Memory of their own of those", {}, bytes);
    }
    const { consumed = 0, "dead-lettered": deadLettered = 0, repeated = 0, ...others } = messages;
    this.#count("meander_stream_consumed_total", "Messages consumed by streams here", {}, consumed);
    this.#count(
      "meander_stream_dead_lettered_total",
      "Messages given up by streams here",
      {},
      deadLettered,
    );
    this.#count(
      "meander_stream_repeated_total",
      "Times that a window sent again what was not acknowledged",
      {},
      repeated,
    );
    const counted = [
      ["meander_stream_events_total", "What else became of messages and frames, by name", others],
      ["meander_stream_frame_drops_total", "Frames dropped, ways and strangers refused", frames],
      ["meander_shells_refused_total", "Shells refused or cut off", refusedShells],
    ] as const;
    for (const [metric, help, counts] of counted) this.#drops(metric, help, {}, counts);
    for (const each of peers) {
      const to = { peer: each.site };
      this.#count("meander_stream_frames_sent_total", "Frames sent", to, each.framesSent);
      this.#count("meander_stream_bytes_sent_total", "Bytes of frames sent", to, each.bytesSent);
      this.#count("meander_stream_frames_received_total", "Frames taken", to, each.framesReceived);
      this.#count("meander_stream_bytes_received_total", "Bytes taken", to, each.bytesReceived);
    }
  }

  #describeChannel(channel: ChannelSnapshot): void {
    const labels = { channel: channel.name };
    this.#count(
      "meander_channel_packets_in_total",
      "Packets taken, without duplicates",
      labels,
      channel.packetsIn,
    );
    this.#count(
      "meander_channel_bytes_in_total",
      "Bytes taken, without duplicates",
      labels,
      channel.bytesIn,
    );
    this.#count("meander_channel_packets_out_total", "Packets sent", labels, channel.packetsOut);
    this.#count("meander_channel_bytes_out_total", "Bytes sent", labels, channel.bytesOut);
    this.#gauge(
      "meander_channel_history_bytes",
      "Bytes kept for resumes",
      labels,
      channel.history.bytes,
    );
    if (channel.latencyMs !== undefined) {
      this.#gauge(
        "meander_channel_latency_seconds",
        "Ingest to here",
        labels,
        channel.latencyMs / 1000,
      );
    }
    if (channel.jitterMs !== undefined) {
      this.#gauge(
        "meander_channel_jitter_seconds",
        "Interarrival jitter (RFC 3550)",
        labels,
        channel.jitterMs / 1000,
      );
    }
    this.#drops("meander_channel_drops_total", "Packets dropped, by reason", labels, channel.drops);
    this.#describeInputs(channel);
    for (const kind of ["site", "viewer", "rtp"] as const) {
      const subscribers = channel.subscribers.filter((each) => each.kind === kind);
      const to = { ...labels, kind };
      const past = channel.past?.subscribers.filter((each) => each.kind === kind) ?? [];
      for (const { packets, bytes, drops } of [...subscribers, ...past]) {
        this.#count(
          "meander_subscriber_packets_total",
          "Packets sent to subscribers, those that have left included",
          to,
          packets,
        );
        this.#count("meander_subscriber_bytes_total", "Bytes of those", to, bytes);
        this.#drops(
          "meander_subscriber_drops_total",
          "Packets not sent to subscribers, those that have left included, by reason",
          to,
          drops,
        );
      }
      this.#gauge("meander_subscribers", "Subscribers of the channel", to, subscribers.length);
      if (subscribers.length === 0) continue;
      this.#gauge(
        "meander_subscriber_lag_seconds_max",
        "The slowest subscriber",
        to,
        maxLagMs(subscribers) / 1000,
      );
    }
    // One series for each output that has a name; viewers come and go, and are counted above.
    for (const each of channel.subscribers.filter(({ kind }) => kind !== "viewer")) {
      const to = { ...labels, output: each.name, kind: each.kind, id: `${each.id}` };
      this.#count("meander_output_packets_total", "Packets sent to this output", to, each.packets);
      this.#count("meander_output_bytes_total", "Bytes sent to this output", to, each.bytes);
      this.#drops(
        "meander_output_drops_total",
        "Packets not sent to this output, by reason",
        to,
        each.drops,
      );
    }
  }

  #describeInputs({ inputs, name, past }: ChannelSnapshot): void {
    for (const input of [...inputs, ...(past?.inputs ?? [])]) {
      const from = { channel: name, input: input.name, kind: input.kind };
      this.#count(
        "meander_input_packets_total",
        "Packets that came by this input",
        from,
        input.packets,
      );
      this.#count("meander_input_bytes_total", "Bytes that came by this input", from, input.bytes);
      this.#drops(
        "meander_input_drops_total",
        "Packets of this input dropped, by reason",
        from,
        input.drops,
      );
      if (!("state" in input)) continue;
      this.#gauge(
        "meander_input_active",
        "1 while the channel comes by this input",
        from,
        Number(input.state === "active"),
      );
    }
  }

  #drops(
    name: string,
    help: string,
    labels: Record<string, string>,
    drops: Readonly<Record<string, number>>,
  ): void {
    for (const [reason, count] of Object.entries(drops))
      this.#count(name, help, { ...labels, reason }, count);
  }

  #count(name: string, help: string, labels: Record<string, string>, value: number): void {
    const found = this.#registry.getSingleMetric(name) as Counter | undefined;
    (
      found ??
      new Counter({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] })
    ).inc(shownLabels(labels), value);
  }

  #gauge(name: string, help: string, labels: Record<string, string>, value: number): void {
    const found = this.#registry.getSingleMetric(name) as Gauge | undefined;
    (
      found ??
      new Gauge({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] })
    ).set(shownLabels(labels), value);
  }
}

/**
 * Labels whose values others may have chosen. The library escapes quotes, backslashes and line feeds, as the format
 * wants; what else would act on a terminal, or end a line for some reader, becomes visible first.
 */
function shownLabels(labels: Record<string, string>): Record<string, string> {
  const shown = Object.entries(labels).map(([name, value]) => [name, visibleText(value)]);
  return Object.fromEntries(shown) as Record<string, string>;
}

function maxLagMs(subscribers: readonly { readonly lagMs: number }[]): number {
  return Math.max(...subscribers.map((each) => each.lagMs));
}
