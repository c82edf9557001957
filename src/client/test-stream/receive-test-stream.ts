import { type Clock, isAboutToken, MeanderError, SystemClock } from "../../base/index.ts";
import type { ClientState } from "../../channel/index.ts";
import { type Description, KIND, kindOf, payloadOf } from "../../wire/index.ts";
import { type WatchOptions, watchChannel } from "../watch/index.ts";
import { FineWall } from "./fine-wall.ts";
import { TestAccount, type TestCounts } from "./test-account.ts";
import { decodeTestPacket } from "./test-packet.ts";

/** An arrival, as logs have it. */
export interface LoggedArrival {
  /** Since 1970, ms, with fractions. */
  readonly arrivalMs: number;
  readonly number: number;
  /** Since the one before, ms; undefined for the first of a sender. */
  readonly interArrivalMs: number | undefined;
  /** From the sender's clock to the receiver's, ms. */
  readonly latencyMs: number;
}

/** What is told while a test stream is received. */
export interface TestReceiverEvents {
  /** Every arrival, repeated ones too, in their order. */
  onArrival?(arrival: LoggedArrival): void;
  onState?(state: ClientState): void;
  /** What the channel carries now; without tracks: nothing is published on it. */
  onDescription?(description: Description): void;
  /** The sites that the packets pass from now on, from the ingest to the site that serves it. */
  onPath?(sites: readonly string[]): void;
}

/** What a receiver knows at present. */
export interface TestReceiverStats extends TestCounts {
  /** Of the last second. */
  readonly bitsPerSecond: number;
  readonly packetsPerSecond: number;
  /** The site it is connected to; undefined while there is none. */
  readonly site: string | undefined;
  /** Site names, from the ingest to the site that serves it. */
  readonly path: readonly string[];
  /** How often it continued with another connection. */
  readonly resumes: number;
  /** What came twice to this client, and was dropped by identity: it is not counted as `repeated`. */
  readonly repeatsDropped: number;
  /** Packets of the channel that are of no test stream. */
  readonly foreign: number;
}

/** A test stream that is being received. */
export interface TestReceiver {
  readonly stats: TestReceiverStats;
  /** Settles when its token is refused, for which every site would do: with why. */
  readonly refused: Promise<MeanderError>;
  /** Receives no more. Idempotent. */
  close(): void;
}

/**
 * Receives a test stream as a viewer does: when its site is lost, it continues at another one.
 *
 * @param url of the first site: `http://127.0.0.1:7000`
 * @throws {MeanderError} as `watchChannel`
 */
export async function receiveTestStream(
  url: string,
  channel: string,
  events: TestReceiverEvents = {},
  options: WatchOptions = {},
): Promise<TestReceiver> {
  const clock: Clock = options.clock ?? new SystemClock();
  const wall = new FineWall(clock);
  const account = new TestAccount();
  let path: readonly string[] = [];
  let site: string | undefined;
  let foreign = 0;
  let refuse = (_error: MeanderError): void => {};
  const refused = new Promise<MeanderError>((resolve) => {
    refuse = resolve;
  });
  const arrive = (rtp: Uint8Array): void => {
    const mark = decodeTestPacket(rtp);
    if (mark === undefined) {
      foreign++;
      return;
    }
    const arrival = { mark, atMs: clock.now(), wallMs: wall.read(), byteLength: rtp.byteLength };
    const interArrivalMs = account.add(arrival);
    const latencyMs = arrival.wallMs - mark.sentWallMs;
    events.onArrival?.({
      ...{ arrivalMs: arrival.wallMs, number: mark.number, interArrivalMs, latencyMs },
    });
  };
  const client = await watchChannel(
    url,
    channel,
    {
      onPacket: (packet) => {
        if (kindOf(packet) === KIND.rtp) arrive(payloadOf(packet));
        else foreign++;
      },
      onDescription: (description) => events.onDescription?.(description),
      onPath: (sites) => {
        path = sites;
        events.onPath?.(sites);
      },
      onState: (state) => {
        if (state.type === "live") site = state.site;
        if (state.type === "lost" && state.site === site) site = undefined;
        // Other refusals are tried again, elsewhere or later.
        if (state.type === "refused" && isAboutToken(state.code))
          refuse(new MeanderError(state.code, state.message, { where: `channel ${channel}` }));
        events.onState?.(state);
      },
    },
    { name: `test ${process.pid}`, ...options, clock },
  );
  return {
    get stats() {
      const { resumes, packetsRepeated } = client.stats;
      return {
        ...account.counts,
        ...account.rates(clock.now()),
        ...{ site, path, resumes, repeatsDropped: packetsRepeated, foreign },
      };
    },
    refused,
    close: () => client.close(),
  };
}
