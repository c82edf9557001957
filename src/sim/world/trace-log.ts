import type { TraceEntry } from "../simulation.ts";

/** A frame on its way, kept as it is: it is decoded only when read. */
interface FrameNote {
  readonly ms: number;
  readonly at: string;
  readonly to: string;
  readonly fate: string;
  readonly frame: Uint8Array;
}

type Note = TraceEntry | FrameNote;

/** The newest so many are always kept. */
const RECENT = 1_024;

/**
 * What happens in a world, in order: all of it when that was asked for, else the newest part, for those who look for
 * the cause of something.
 */
export class TraceLog {
  readonly #all: Note[] | undefined;
  readonly #recent: Note[] = [];
  #next = 0;
  readonly #read: (frame: Uint8Array) => TraceEntry["detail"];

  /** @param read what a frame is, in words */
  constructor(all: boolean, read: (frame: Uint8Array) => TraceEntry["detail"]) {
    this.#all = all ? [] : undefined;
    this.#read = read;
  }

  /** Whether all is kept. */
  get isWhole(): boolean {
    return this.#all !== undefined;
  }

  add(entry: TraceEntry): void {
    this.#keep(entry);
  }

  /** @param frame borrowed for ever @param fate `sent`, `lost`, … */
  frame(ms: number, at: string, to: string, fate: string, frame: Uint8Array): void {
    const note = { ms, at, to, fate, frame };
    // The names of today: the streams may be gone when it is read.
    this.#keep(this.isWhole ? this.#entryOf(note) : note);
  }

  /** Everything; empty unless it was asked for. */
  get entries(): readonly TraceEntry[] {
    return (this.#all ?? []).map((note) => this.#entryOf(note));
  }

  /** The last entries about these streams, and about the world around them, at most `most`. */
  about(streams: readonly string[], most: number): TraceEntry[] {
    const found: TraceEntry[] = [];
    const count = this.#recent.length;
    for (let back = 1; back <= count && found.length < most; back++) {
      const note = this.#recent[(this.#next - back + count) % count];
      if (note === undefined) continue;
      const entry = this.#entryOf(note);
      if (isAbout(entry, streams)) found.push(entry);
    }
    return found.reverse();
  }

  #keep(note: Note): void {
    this.#all?.push(note);
    this.#recent[this.#next] = note;
    this.#next = (this.#next + 1) % RECENT;
  }

  #entryOf(note: Note): TraceEntry {
    if (!("frame" in note)) return note;
    const { ms, at, to, fate, frame } = note;
    return { seconds: ms / 1_000, at, type: `frame-${fate}`, detail: { to, ...this.#read(frame) } };
  }
}

/** Entries that name no stream are about the world: crashes, cuts. */
function isAbout({ detail }: TraceEntry, streams: readonly string[]): boolean {
  const names = [detail["stream"], detail["source"], detail["target"]];
  const told = names.filter((name) => name !== undefined);
  return told.length === 0 || told.some((name) => streams.includes(String(name)));
}
