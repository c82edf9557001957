import { BufferSource, EncodedPacketSink, Input, MATROSKA } from "mediabunny";
import type { MemoryFile } from "../../src/media/record/record.test.support.ts";
import { idOf } from "./sender.ts";

/** A frame in a file. */
export interface RecordedFrame {
  readonly id: number;
  readonly kind: "video" | "audio";
  /** Presentation in the file, ms. */
  readonly ms: number;
}

/** What a recorded file contains, in the order of its tracks. */
export interface RecordedFile {
  readonly frames: readonly RecordedFrame[];
}

/** Reads a file as a player does. */
export async function readRecording(file: MemoryFile): Promise<RecordedFile> {
  if (file.bytes.byteLength === 0) return { frames: [] };
  using input = new Input({ source: new BufferSource(file.bytes), formats: [MATROSKA] });
  const frames: RecordedFrame[] = [];
  for (const track of await input.getTracks()) {
    const kind = track.type === "video" ? "video" : "audio";
    for await (const packet of new EncodedPacketSink(track).packets()) {
      const id = idOf(packet.data);
      if (id === undefined) throw new Error("a recorded frame is not what was sent");
      frames.push({ id, kind, ms: packet.timestamp * 1000 });
    }
  }
  return { frames };
}
