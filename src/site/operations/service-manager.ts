import { type Cancel, type Clock, every, type Log, messageOf } from "../../base/index.ts";
import { noticeSender, type SendNotice } from "./notify-socket.ts";

/** What a {@link ServiceManager} needs. */
export interface ServiceManagerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly clock: Clock;
  readonly log: Log;
  /** How messages go to the socket of that address. */
  readonly sender?: (address: string) => SendNotice;
}

/** How a running site is watched. */
export interface Watched {
  /** The status line. */
  status(): Promise<string>;
  /** Time since the site was certainly healthy, ms. */
  silenceMs(): number;
}

/** How often the status line is sent, ms. */
const STATUS_MS = 10_000;

/**
 * The service manager that runs this process (sd_notify(3)): notified when the site is ready, reloads, stops, and while
 * it
 * is healthy. Without a service manager it does nothing.
 */
export class ServiceManager implements Disposable {
  /** Whether there is one to notify. */
  readonly isPresent: boolean;
  readonly #options: ServiceManagerOptions;
  readonly #send: SendNotice | undefined;
  /** Interval of the watchdog, ms; undefined: none. */
  readonly #watchdogMs: number | undefined;
  readonly #cancels: Cancel[] = [];
  #isSilent = false;

  constructor(options: ServiceManagerOptions) {
    const { env, pid, sender = noticeSender } = options;
    const address = env["NOTIFY_SOCKET"] ?? "";
    this.#options = options;
    this.isPresent = address !== "";
    this.#send = this.isPresent ? sender(address) : undefined;
    const isOurs = [undefined, `${pid}`].includes(env["WATCHDOG_PID"]);
    const watchdogMs = Number(env["WATCHDOG_USEC"]) / 1_000;
    this.#watchdogMs = this.isPresent && isOurs && watchdogMs > 0 ? watchdogMs : undefined;
  }

  /** The site is up. */
  async ready(watched: Watched): Promise<void> {
    await this.#tell("READY=1", `STATUS=${await watched.status()}`);
    if (!this.isPresent || this.#cancels.length > 0) return;
    const { clock } = this.#options;
    const tellStatus = async (): Promise<void> => this.#tell(`STATUS=${await watched.status()}`);
    this.#cancels.push(every(clock, "service status", STATUS_MS, () => void tellStatus()));
    const watchdogMs = this.#watchdogMs;
    if (watchdogMs === undefined) return;
    this.#cancels.push(
      every(clock, "watchdog", watchdogMs / 3, () => {
        // A site that hangs reports nothing, and is restarted.
        if (watched.silenceMs() < watchdogMs) void this.#tell("WATCHDOG=1");
      }),
    );
  }

  /** Reads its configuration again. Settles with `task`, after which the site is ready again. */
  async reloading(task: () => Promise<void>): Promise<void> {
    const microseconds = Math.round(this.#options.clock.now() * 1_000);
    await this.#tell("RELOADING=1", `MONOTONIC_USEC=${microseconds}`);
    await task();
    await this.#tell("READY=1");
  }

  async stopping(status: string): Promise<void> {
    await this.#tell("STOPPING=1", `STATUS=${status}`);
  }

  /** Stops notifying by itself. */
  [Symbol.dispose](): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
  }

  async #tell(...lines: readonly string[]): Promise<void> {
    if (this.#send === undefined || this.#isSilent) return;
    try {
      await this.#send(`${lines.join("\n")}\n`);
    } catch (error) {
      this.#isSilent = true;
      this.#options.log.warn("The service manager cannot be notified.", {
        error: messageOf(error),
        next: "install koffi, or allow NotifyAccess=all; else use Type=exec",
      });
    }
  }
}
