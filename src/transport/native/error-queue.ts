import type { Counters } from "../../base/index.ts";
import type { OnMissed } from "../datagrams.ts";
import { ERRNO, errorName, LAYOUT, SOCKET } from "./constants.ts";
import type { NativeCalls } from "./native-calls.ts";
import type { RawRemotes } from "./raw-remotes.ts";

/** More reports than any receive buffer holds. */
const REPORTS_MAX = 65_536;

/**
 * Errors that the network reported for datagrams of a socket, with the remote concerned. Once enabled, it must be read
 * whenever the socket reports an error: otherwise the event loop would wake up again and again.
 */
export class ErrorQueue {
  readonly #calls: NativeCalls;
  readonly #descriptor: number;
  readonly #family: 4 | 6;
  readonly #remotes: RawRemotes;
  readonly #counts: Counters;
  #state: "unused" | "on" | "off" = "unused";

  constructor(options: {
    readonly calls: NativeCalls;
    readonly descriptor: number;
    readonly family: 4 | 6;
    readonly remotes: RawRemotes;
    readonly counts: Counters;
  }) {
    this.#calls = options.calls;
    this.#descriptor = options.descriptor;
    this.#family = options.family;
    this.#remotes = options.remotes;
    this.#counts = options.counts;
  }

  /** Asks the kernel for reports, once; without effect where it has none. */
  turnOn(): void {
    if (this.#state !== "unused") return;
    this.#state = this.#set(1) === 0 ? "on" : "off";
  }

  turnOff(): void {
    if (this.#state === "on") this.#set(0);
    this.#state = "off";
  }

  /**
   * Reads all reports.
   *
   * @param tell is called for each member of a group whose remote a report is about
   * @returns how many there were
   */
  take(tell: (onMissed: OnMissed | undefined, reason: string) => void): number {
    if (this.#state !== "on") return 0;
    const { report } = this.#calls.memory;
    for (let count = 0; count < REPORTS_MAX; count++) {
      report.words[LAYOUT.nameLength / 4] = LAYOUT.ipv6Address;
      report.words[LAYOUT.controlLength / 4] = this.#calls.memory.reportControl.bytes.byteLength;
      const result = this.#calls.takeError(this.#descriptor, report.address);
      if (result === -ERRNO.EAGAIN) return count;
      if (result < 0) {
        this.turnOff();
        return count;
      }
      this.#read(tell);
    }
    this.turnOff();
    return REPORTS_MAX;
  }

  #read(tell: (onMissed: OnMissed | undefined, reason: string) => void): void {
    const { reportControl, reportName } = this.#calls.memory;
    // `struct sock_extended_err` starts with the error's number.
    const error = reportControl.words[LAYOUT.controlData / 4] as number;
    const isRefused = error === ERRNO.ECONNREFUSED;
    this.#counts.add(isRefused ? "refused" : `error-${errorName(error)}`);
    const remote = this.#remotes.find(reportName.words, 0);
    for (const onMissed of remote?.memberships ?? []) {
      tell(onMissed, isRefused ? "refused" : "send-failed");
    }
  }

  #set(value: number): number {
    const [level, option] =
      this.#family === 4 ? [SOCKET.solIp, SOCKET.ipRecvErr] : [SOCKET.solIpv6, SOCKET.ipv6RecvErr];
    return this.#calls.setOption(this.#descriptor, level, option, value);
  }
}
