import type { Cancel, Clock } from "../base/index.ts";
import { type ClientState, describeStall } from "../channel/index.ts";
import type { Terminal } from "./terminal.ts";

/** A channel that has a publisher is described within this, also through several sites, ms. */
const DESCRIBED_MS = 1_500;

/** Tells a person, once each time, why nothing of a channel comes: it would be waited for in silence. */
export class AbsenceNotes {
  readonly #terminal: Pick<Terminal, "note">;
  readonly #clock: Pick<Clock, "after">;
  #said = "";
  #isDescribed = false;
  #cancel: Cancel | undefined;

  constructor(terminal: Pick<Terminal, "note">, clock: Pick<Clock, "after">) {
    this.#terminal = terminal;
    this.#clock = clock;
  }

  /** The state of the client that waits for the channel. */
  state(state: ClientState): void {
    if (state.type === "live") this.#connected();
    else if (state.type === "stalled") this.#say(describeStall(state));
    // It is asked for again every 2 s, and refused again.
    else if (state.type === "refused") this.#say(`${state.message}; waiting`);
  }

  /** The channel is described. @param trackCount 0: it has no publisher now */
  described(trackCount: number): void {
    this.#isDescribed = true;
    if (trackCount === 0) this.#say("the channel has no publisher now; waiting for one");
    else this.#said = "";
  }

  /** Nothing is waited for any more. */
  close(): void {
    this.#cancel?.();
  }

  #connected(): void {
    this.#cancel?.();
    this.#cancel = this.#clock.after("absence", DESCRIBED_MS, () => {
      if (this.#isDescribed || this.#said !== "") return;
      this.#say("the channel has no publisher now, or no way to this site; waiting");
    });
  }

  #say(text: string): void {
    if (text === this.#said) return;
    this.#said = text;
    this.#terminal.note(text);
  }
}
