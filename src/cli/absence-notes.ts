import { type ClientState, describeStall } from "../channel/index.ts";
import type { Terminal } from "./terminal.ts";

/** Tells a person, once each time, why nothing of a channel comes: it would be waited for in silence. */
export class AbsenceNotes {
  readonly #terminal: Pick<Terminal, "note">;
  #said = "";

  constructor(terminal: Pick<Terminal, "note">) {
    this.#terminal = terminal;
  }

  /** The state of the client that waits for the channel. */
  state(state: ClientState): void {
    if (state.type === "stalled") this.#say(describeStall(state));
    // It is asked for again every 2 s, and refused again.
    else if (state.type === "refused") this.#say(`${state.message}; waiting`);
  }

  /** The channel is described. @param trackCount 0: it has no publisher now */
  described(trackCount: number): void {
    if (trackCount === 0) this.#say("the channel has no publisher now; waiting for one");
    else this.#said = "";
  }

  #say(text: string): void {
    if (text === this.#said) return;
    this.#said = text;
    this.#terminal.note(text);
  }
}
