import { isDeepStrictEqual } from "node:util";
import type { Worker } from "node:worker_threads";
import { type Cancel, type Clock, delay, LIMITS, type Log, messageOf } from "../../base/index.ts";
import type { RecordEvent, RecordRequest, RecordStatus } from "../../client/contract/index.ts";
import {
  type FromRecorder,
  openRecordWorker,
  type RecordTarget,
  type ToRecorder,
} from "../../client/record/index.ts";
import type { RouteConfig } from "../../session/index.ts";
import { recordRequests } from "./record-requests.ts";

export interface ConfiguredRecordingsOptions {
  /** Folder of configured recordings; they cannot leave it. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How recorders reach this site. */
  target(): RecordTarget;
}

/** One configured recording, in a thread of its own. */
interface Running {
  readonly request: RecordRequest;
  worker: Worker | undefined;
  status: RecordStatus;
  ended: Promise<void>;
  cancelRestart: Cancel | undefined;
}

/** A recorder whose thread ended by itself is started again after this, ms. */
const RESTART_MS = 5_000;
/** How long a site that stops waits for its recordings to be complete, ms. */
const END_MS_MAX = 4_000;

/** The recordings that a site's configuration names. */
export class ConfiguredRecordings {
  readonly #options: ConfiguredRecordingsOptions;
  readonly #running = new Map<string, Running>();
  /** Recordings that were told to end, until their files are complete. */
  readonly #ending = new Set<Promise<void>>();
  #isStopped = false;

  constructor(options: ConfiguredRecordingsOptions) {
    this.#options = options;
  }

  /** By channel. */
  get statuses(): readonly RecordStatus[] {
    return [...this.#running.values()]
      .map(({ status }) => status)
      .sort((left, right) => (left.channel < right.channel ? -1 : 1));
  }

  /** Starts, ends and changes recordings as configured; those that stay the same are not disturbed. */
  set(routes: RouteConfig): void {
    if (this.#isStopped) return;
    const { log, folder } = this.#options;
    const { requests, refused } = recordRequests(routes, folder);
    for (const { channel, reason } of refused)
      log.error("A channel is not recorded.", { channel, reason });
    for (const [channel, running] of [...this.#running]) {
      const wanted = requests.get(channel);
      if (wanted !== undefined && isDeepStrictEqual(wanted, running.request)) continue;
      this.#running.delete(channel);
      this.#end(running);
    }
    for (const [channel, request] of requests) {
      if (this.#running.has(channel)) continue;
      if (this.#running.size >= LIMITS.recordingsMax) {
        const reason = `a site makes ${LIMITS.recordingsMax} recordings`;
        log.error("A channel is not recorded.", { channel, reason });
        continue;
      }
      const running: Running = {
        request,
        worker: undefined,
        status: waiting(channel, "the recorder starts"),
        ended: Promise.resolve(),
        cancelRestart: undefined,
      };
      this.#running.set(channel, running);
      this.#start(running);
    }
  }

  /** Ends all recordings. Settles when their files are complete, or after a deadline. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const workers = [...this.#running.values()].map(({ worker }) => worker);
    for (const running of this.#running.values()) this.#end(running);
    this.#running.clear();
    const late = delay(this.#options.clock, "recordings end", END_MS_MAX);
    await Promise.race([Promise.all(this.#ending), late]);
    for (const worker of workers) void worker?.terminate();
  }

  #start(running: Running): void {
    const { request } = running;
    const { clock, log, target } = this.#options;
    const { channel } = request;
    const worker = openRecordWorker(`record ${channel}`);
    running.worker = worker;
    worker.on("message", (message: FromRecorder) => {
      if (message.type === "status") running.status = message.status;
      else if (message.type === "event") this.#tell(channel, message.event);
      else {
        const { reason } = message;
        if (reason !== null) {
          running.status = waiting(channel, reason);
          log.error("A recording has ended.", { channel, reason });
        }
        void worker.terminate();
      }
    });
    worker.on("error", (error) => {
      log.error("The thread of a recording failed.", { channel, error: messageOf(error) });
      running.status = waiting(channel, `its thread failed: ${messageOf(error)}`);
    });
    running.ended = new Promise((resolve) => {
      worker.once("exit", () => {
        resolve();
        running.worker = undefined;
        if (this.#running.get(channel) !== running || request.onError === "stop") return;
        running.cancelRestart = clock.after("restart a recording", RESTART_MS, () =>
          this.#start(running),
        );
      });
    });
    worker.postMessage({ type: "start", request, target: target() } satisfies ToRecorder);
  }

  #end(running: Running): void {
    running.cancelRestart?.();
    running.worker?.postMessage({ type: "finish" } satisfies ToRecorder);
    const { ended } = running;
    this.#ending.add(ended);
    void ended.then(() => this.#ending.delete(ended));
  }

  #tell(channel: string, event: RecordEvent): void {
    const { type, ...facts } = event;
    const level = type === "failed" ? "error" : type === "refused" ? "warn" : "info";
    this.#options.log[level](`recording: ${type}`, { channel, ...facts });
  }
}

function waiting(channel: string, reason: string): RecordStatus {
  const nothing = { files: 0, seconds: 0, bytes: 0, frames: 0 };
  return { channel, state: "waiting", file: null, ...nothing, drops: {}, reason };
}
