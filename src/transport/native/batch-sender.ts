import { type Counters, LIMITS } from "../../base/index.ts";
import type { DatagramSender } from "../datagram-sender.ts";
import type { OnMissed } from "../datagrams.ts";
import type { PlainSender } from "../plain-sender.ts";
import type { RemoteEntry } from "../remote-entry.ts";
import type { GroupHost, RemoteGroup } from "../remote-group.ts";
import type { Tally } from "../tally.ts";
import { ERRNO, errorName, LAYOUT, SOCKET } from "./constants.ts";
import type { ErrorQueue } from "./error-queue.ts";
import { GroupTable } from "./group-table.ts";
import type { NativeCalls } from "./native-calls.ts";
import { addressOf } from "./raw-remotes.ts";

const MESSAGE_WORDS = LAYOUT.message / 4;
const NAME_WORDS = LAYOUT.address / 4;
const PIECE_WORDS = LAYOUT.iovec / 4;
const CONTROL_WORDS = LAYOUT.segmentControl / 4;
const NAME_LENGTH_WORD = LAYOUT.nameLength / 4;
const CONTROL_LENGTH_WORD = LAYOUT.controlLength / 4;
const CONTROL_DATA_WORD = LAYOUT.controlData / 4;

/** A datagram of this size passes almost every network whole (IPv6's least MTU less headers). */
const SMALL_BYTES = 1_232;
/** Times that one message is tried again because of errors that may be another's. */
const ATTEMPTS_MAX = 4;

/**
 * What is to be done about a message that the kernel refused: try it again, leave it, send its datagrams apart; or send
 * it and all others by Node, because the kernel has no room now, or allows no batches.
 */
type Verdict = "again" | "leave" | "apart" | "behind" | "forbidden";

/** A part of what waits for one remote or group: `count` datagrams from `first` on; several are a train. */
interface Run {
  readonly packets: readonly Uint8Array[];
  readonly first: number;
  readonly count: number;
}

/** Sends what is collected in one turn by as few system calls as possible. docs/spec/datagrams.md */
export class BatchSender implements DatagramSender {
  readonly #calls: NativeCalls;
  readonly #descriptor: number;
  readonly #family: 4 | 6;
  readonly #plain: PlainSender;
  readonly #errors: ErrorQueue;
  readonly #counts: Counters;
  readonly #tally: Tally;
  readonly #groups: GroupHost;
  readonly #onForbidden: () => void;
  readonly #arenaLow: number;
  #dirtyRemotes: RemoteEntry[] = [];
  #dirtyGroups: RemoteGroup[] = [];
  #count = 0;
  #isScheduled = false;
  #isFlushing = false;
  #isClosed = false;
  #takesTrains: boolean;
  #goesPlain: "no" | "while-behind" | "for-ever" = "no";
  #attempts = 0;
  #missed: { readonly onMissed: OnMissed; readonly reason: string }[] = [];
  /** For each message being built: whose it is, and which of what waits for it. */
  readonly #slotRemotes: RemoteEntry[] = [];
  readonly #slotRuns: Run[] = [];
