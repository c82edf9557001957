import { type Clock, delay, describeName, isName, MeanderError } from "../base/index.ts";
import type { GroupSending, OutputPorts, PublishAnswer } from "../client/contract/index.ts";
import type { ChannelRouter } from "../reflector/index.ts";
import type { ChannelRecord } from "../session/index.ts";
import { checkChannelName } from "../session/index.ts";
import { isMulticast } from "../transport/index.ts";
import {
  type Description,
  formatSdp,
  parseSdp,
  type SdpTrack,
  type Track,
  trackFactsOf,
} from "../wire/index.ts";
import type { Grant } from "./access/grant.ts";
import type { Guard } from "./access/guard.ts";
import { isLoopbackName } from "./http/gate.ts";
import { checkGroups, ingestTrackOf, LOOPBACK_6, sendersLike } from "./ingest-tracks.ts";
import type { InputRights, PortRange } from "./input-rights.ts";
import { multicastInterface } from "./multicast-interface.ts";
import type { HandedInput, HandedOutput, Handover } from "./operations/handover.ts";
import type { IngestTrack, PlaneControl } from "./plane-control.ts";
import type { PublishRequest } from "./site-service.ts";

/** What a {@link MediaGateway} needs. */
export interface MediaGatewayOptions {
  readonly self: string;
  readonly plane: PlaneControl;
  readonly router: ChannelRouter;
  /** Announces that this site ingests a channel, later if the directory is unreachable; a new channel gets its id. */
  announce(channel: string): Promise<ChannelRecord>;
  /** Address to listen on for publishers. */
  readonly host: string;
  /** The same as others reach it. */
  readonly advertise: string;
  /** True when the site may send to other machines. */
  readonly open: boolean;
  /** Ends inputs whose token has ended. */
  readonly guard: Guard;
  /** What publishers may do. */
  readonly rights: InputRights;
  /** Ports that are assigned; undefined: any that the system has. */
  readonly assignedPorts: PortRange | undefined;
  readonly clock: Clock;
}

const DESCRIPTION_MS_MAX = 3_000;
const DESCRIPTION_POLL_MS = 50;

/** Opens and closes the inputs of channels at this site, and their outputs to plain RTP receivers. */
export class MediaGateway {
  readonly #options: MediaGatewayOptions;
  readonly #inputs = new Map<string, Map<string, HandedInput>>();
  readonly #outputs = new Map<number, HandedOutput>();
  /** Inputs that are being opened: they count. */
  readonly #opening = new Set<HandedInput>();
  /** Of each input: to be called when it has ended. */
  readonly #leave = new Map<string, () => void>();

  constructor(options: MediaGatewayOptions) {
    this.#options = options;
  }

  /** See `SiteService.publishSdp`. */
  async publishSdp(
    request: PublishRequest,
    sdp: string,
    ports: "sdp" | "assign",
  ): Promise<PublishAnswer> {
    const { tracks, warnings } = parseSdp(sdp, { portsRequired: ports === "sdp" });
    checkGroups(tracks, ports);
    const answer = await this.#open(
      request,
      tracks.map((track) => ingestTrackOf(track, ports, this.#options)),
    );
    return warnings.length === 0 ? answer : { ...answer, warnings };
  }

  /** See `SiteService.publishData`. */
  publishData(request: PublishRequest): Promise<PublishAnswer> {
    return this.#open(request, []);
  }

  /** See `SiteService.unpublish`. */
  async unpublish(channel: string, input: string, grant: Grant | undefined): Promise<void> {
    const inputs = this.#inputs.get(channel);
    const open = inputs?.get(input);
    if (open === undefined) {
      const names = [...(inputs?.keys() ?? [])];
      throw new MeanderError(
        inputs === undefined ? "channel-unknown" : "input-unknown",
        "there is no such input",
        {
          where: `input ${input} of channel ${channel}`,
          expected:
            names.length === 0 ? "a channel that is ingested at this site" : names.join(", "),
        },
      );
    }
    this.#options.rights.checkOwner(open, grant);
    await this.#end(channel, input);
  }

  async sendMessage(channel: string, contentType: string, bytes: Uint8Array): Promise<void> {
    if (!this.#inputs.has(channel)) {
      throw new MeanderError("channel-unknown", "no data channel of that name is ingested here", {
        where: `channel ${channel}`,
        next: `open it with PUT /channels/${channel}?kind=data`,
      });
    }
    await this.#options.plane.publishData(channel, contentType, bytes);
  }

  async receiverSdp(channel: string, host: string, ports: OutputPorts): Promise<string> {
    await this.#want(channel);
    const description = await this.#describedNow(channel);
    if (description === undefined) throw notDescribed(channel);
    return receiverSdp(channel, host, ports, description);
  }

  async addOutput(
    channel: string,
    host: string,
    ports: OutputPorts,
    sending?: GroupSending,
  ): Promise<{ id: number; sdp: string }> {
    const isGroup = isMulticast(host);
    const multicast = isGroup
      ? { ...sending, interface: multicastInterface(host, sending?.interface, this.#options) }
      : sending;
    this.#options.rights.checkOutput(host, ports);
    if (!isGroup && !this.#options.open && !isLoopbackName(host)) {
      throw new MeanderError("open-required", "this site is limited to its own machine", {
        where: `host ${host}`,
        expected: "a loopback address",
        next: "start the site with --open HOST to let it send to other machines",
      });
    }
    await this.#want(channel);
    const wanted = [
      { medium: 2, port: ports.video },
      { medium: 1, port: ports.audio },
    ].flatMap(({ medium, port }) => (port === undefined ? [] : [{ medium, port }]));
    const { id } = await this.#options.plane.addRtpOutput({
      channel,
      host,
      tracks: wanted,
      multicast,
    });
    try {
      // The output is a subscriber, so the channel is received now, its description first.
      const description = await this.#described(channel, wanted);
      const sdp = receiverSdp(channel, host, ports, description, sending?.ttl);
      this.#outputs.set(id, { channel, host, ports, sending });
      return { id, sdp };
    } catch (error) {
      await this.#options.plane.removeRtpOutput(id);
      throw error;
    }
  }

  async removeOutput(id: number): Promise<void> {
    if (!this.#outputs.delete(id)) {
      throw new MeanderError("output-unknown", "no output has that number", {
        where: `output ${id}`,
        expected:
          this.#outputs.size === 0
            ? "the number of an open output, and none is open"
            : `one of ${[...this.#outputs.keys()].join(", ")}`,
      });
    }
    await this.#options.plane.removeRtpOutput(id);
  }

  /** What is open here, for the next run of the site. */
  handover(): Handover {
    return {
      inputs: [...this.#inputs.values()].flatMap((inputs) => [...inputs.values()]),
      outputs: [...this.#outputs.values()],
    };
  }

  /** Reopens what the last run had open, on the same ports. What fails is reported to `failed`, and left out. */
  async takeOver(
    handover: Handover,
    failed: (what: string, error: unknown) => void,
  ): Promise<void> {
    for (const { request, tracks } of handover.inputs) {
      const what = `input ${request.input} of ${request.channel}`;
      await this.#open(request, tracks).catch((error: unknown) => failed(what, error));
    }
    // The grant of an input may have ended meanwhile.
    this.#options.guard.book.review();
    await Promise.all(
      handover.outputs.map(({ channel, host, ports, sending }) =>
        this.addOutput(channel, host, ports, sending).catch((error: unknown) =>
          failed(`output of ${channel} to ${host}`, error),
        ),
      ),
    );
  }

  async #open(request: PublishRequest, tracks: readonly IngestTrack[]): Promise<PublishAnswer> {
    const { channel, input, replace, grant } = request;
    const { rights } = this.#options;
    checkNames(channel, input);
    rights.checkPorts(tracks, grant);
    const open = [...this.#inputs.values()].flatMap((inputs) => [...inputs.values()]);
    const opening = { request, tracks };
    const replaced = replace ? this.#inputs.get(channel)?.get(input) : undefined;
    const others = open.filter((each) => each !== replaced);
    rights.checkQuota([...others, ...this.#opening], tracks, grant);
    this.#opening.add(opening);
    try {
      return await this.#openAdmitted(request, tracks, replaced !== undefined);
    } finally {
      this.#opening.delete(opening);
    }
  }

  async #openAdmitted(
    request: PublishRequest,
    tracks: readonly IngestTrack[],
    isReplaced: boolean,
  ): Promise<PublishAnswer> {
    const { channel, input, source, grant } = request;
    const { plane, router, assignedPorts } = this.#options;
    const group = tracks.find((track) => track.group !== undefined)?.group;
    const on =
      group === undefined
        ? undefined
        : multicastInterface(group.address, request.interface, this.#options);
    const trusted =
      request.trusted ?? (group === undefined ? sendersLike(request.asker, tracks) : "first");
    if (isReplaced) await this.unpublish(channel, input, grant);
    const record = await this.#options.announce(channel);
    await router.addIngest(record);
    try {
      const { host } = this.#options;
      const { tracks: opened } = await plane.openIngest(
        tracks.length === 0
          ? { door: "data", channel, input }
          : {
              door: "rtp",
              channel,
              input,
              sourceName: source,
              tracks,
              trusted,
              host,
              interface: on,
              assignedPorts,
            },
      );
      const bound = tracks.map((each, index) => {
        return { ...each, port: opened[index]?.rtpPort ?? each.port };
      });
      const inputs = this.#inputs.get(channel) ?? new Map<string, HandedInput>();
      this.#inputs.set(channel, inputs.set(input, { request, tracks: bound }));
      this.#holdInput(request);
      const ports = opened.map((each, index) => {
        const { kind, codec, group } = tracks[index] as IngestTrack;
        return { ...each, kind, codec, ...(group === undefined ? {} : { group: group.address }) };
      });
      const isOnlyLoopback6 =
        tracks.length > 0 && tracks.every((each) => each.address === LOOPBACK_6);
      const advertised = isOnlyLoopback6 ? LOOPBACK_6 : this.#options.advertise;
      return { channel, id: record.id, host: advertised, tracks: ports };
    } catch (error) {
      if (!this.#inputs.has(channel)) await router.removeIngest(channel);
      throw error;
    }
  }

  /** Closes an input when its grant ends. */
  #holdInput({ channel, input, grant }: PublishRequest): void {
    const need = { anyOf: ["publish" as const], channel };
    const leave = this.#options.guard.book.hold(grant, need, ({ code }) => {
      // It was closed meanwhile.
      this.#end(channel, input, code).catch(() => {});
    });
    this.#leave.set(`${channel} ${input}`, leave);
  }

  /** @param reason reported to subscribers */
  async #end(channel: string, input: string, reason?: string): Promise<void> {
    await this.#options.plane.closeIngest(channel, input, reason);
    await this.#forget(channel, input);
  }

  async #forget(channel: string, input: string): Promise<void> {
    this.#leave.get(`${channel} ${input}`)?.();
    this.#leave.delete(`${channel} ${input}`);
    const inputs = this.#inputs.get(channel);
    inputs?.delete(input);
    if (inputs?.size !== 0) return;
    this.#inputs.delete(channel);
    await this.#options.router.removeIngest(channel);
  }

  async #want(channel: string): Promise<void> {
    if ((await this.#options.router.want(channel)) !== undefined) return;
    throw new MeanderError("channel-unknown", "no channel of the session has that name", {
      where: `channel ${channel}`,
      next: "see `meander channels` for the channels of the session",
    });
  }

  async #describedNow(channel: string): Promise<Description | undefined> {
    const { channels } = await this.#options.plane.snapshot();
    return channels.find(({ name }) => name === channel)?.description;
  }

  /** Waits until all tracks are described, which happens one by one; returns those known at the deadline. */
  async #described(
    channel: string,
    wanted: readonly { readonly medium: number }[],
  ): Promise<Description> {
    const { clock } = this.#options;
    const deadline = clock.now() + DESCRIPTION_MS_MAX;
    for (;;) {
      const description = await this.#describedNow(channel);
      const media = new Set(description?.tracks.map(({ medium }) => medium));
      const late = clock.now() > deadline;
      if (description !== undefined && (late || wanted.every(({ medium }) => media.has(medium))))
        return description;
      if (late) throw notDescribed(channel);
      await delay(clock, "description", DESCRIPTION_POLL_MS);
    }
  }
}

/** The SDP with which a receiver at `host`, which may be a group, plays the audio and video of a channel. */
export function receiverSdp(
  channel: string,
  host: string,
  ports: OutputPorts,
  description: Description,
  ttl = 1,
): string {
  const tracks = [
    ...trackFor(description.tracks, 2, ports.video),
    ...trackFor(description.tracks, 1, ports.audio),
  ];
  if (tracks.length > 0)
    return formatSdp({ title: channel, host, tracks, ...(isMulticast(host) ? { ttl } : {}) });
  throw new MeanderError("channel-not-described", "the channel has no RTP track for those ports", {
    where: `channel ${channel}`,
    expected: "a channel with the audio or video that was asked for",
  });
}

function trackFor(tracks: readonly Track[], medium: number, port: number | undefined): SdpTrack[] {
  const track = tracks.find((each) => each.medium === medium);
  if (track === undefined || port === undefined || track.kind === "text") return [];
  const { kind, codec, payloadType, clockRate, channels, fmtp, parameterSets } = track;
  return [
    {
      kind,
      codec,
      payloadType,
      clockRate,
      channels,
      fmtp,
      parameterSets,
      port,
      rtcpPort: port + 1,
      rtcpMux: false,
      facts: trackFactsOf(track),
    },
  ];
}

function checkNames(channel: string, input: string): void {
  checkChannelName(channel);
  if (!isName("input", input)) {
    throw new MeanderError("request-invalid", "not a name for an input", {
      where: JSON.stringify(input.slice(0, 80)),
      expected: describeName("input"),
    });
  }
}

function notDescribed(channel: string): MeanderError {
  return new MeanderError(
    "channel-not-described",
    "nothing has told yet what the channel carries",
    {
      where: `channel ${channel}`,
      next: "start its publisher, or try again in a second",
    },
  );
}
