import { MeanderError } from "../base/index.ts";
import { EVENT_SOURCE, parseMessageName } from "../stream/index.ts";
import { notHere } from "./not-here.ts";
import { residentNamed, type StreamLookup } from "./stream-views.ts";

/** A person's word on a message that could not be consumed. @throws {MeanderError} `message-unknown`, `stream-gone` */
export function settleDeadLetter(
  lookup: StreamLookup,
  stream: string,
  message: string,
  action: string,
  edited: Uint8Array | undefined,
): void {
  const resident = residentNamed(lookup, stream);
  if (resident === undefined) throw notHere(stream);
  const name = parseMessageName(message);
  const letter = resident.deadLetters.find(
    ({ sourceName, seq }) => sourceName === name?.from && seq === name.seq,
  );
  const pair = [...resident.pairs.values()].find(({ sourceName }) => sourceName === name?.from);
  const halted = resident.current()?.id === message ? EVENT_SOURCE : undefined;
  const source = letter?.source ?? pair?.source ?? halted;
  if (name !== undefined && name.to === stream && source !== undefined) {
    const which = { source, seq: name.seq };
    const skip = action === "skip";
    if (action !== "replay" && resident.operator.settleHalt(which, skip, edited)) return;
    if (resident.operator.settleLetter(which, skip, edited)) return;
  }
  throw new MeanderError(
    "message-unknown",
    "neither a dead letter of the stream nor the message that halted it",
    {
      where: message,
      expected: "an id that `meander stream inspect` shows",
    },
  );
}
