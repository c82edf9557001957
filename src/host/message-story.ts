import type { MessageStory } from "../agent/index.ts";
import {
  deathWords,
  formatMessageName,
  type MessageName,
  parseMessageName,
  type Resident,
} from "../stream/index.ts";
import { residentNamed, type StreamLookup } from "./stream-views.ts";

/** What this site knows of a message. */
export function storyOf(lookup: StreamLookup, id: string): MessageStory {
  const name = parseMessageName(id);
  if (name === undefined) return { id, state: "unknown", steps: [] };
  const here = `site ${lookup.site}`;
  const receiver = residentNamed(lookup, name.to);
  const received = receiver === undefined ? undefined : receivedStory(receiver, name, here);
  if (received !== undefined && received.state !== "unknown") return { id, ...received };
  const sender = residentNamed(lookup, name.from) ?? lookup.shellNamed(name.from);
  const target = lookup.byName(name.to);
  const window = target === undefined ? undefined : sender?.windowTo(target.id);
  if (sender === undefined || window === undefined)
    return { id, state: "unknown", steps: received?.steps ?? [] };
  if (name.seq < window.base)
    return {
      id,
      state: "consumed",
      steps: [`${here} has sent it as ${name.from}, and knows that it was consumed (or given up).`],
    };
  if (name.seq >= window.next)
    return {
      id,
      state: "unknown",
      steps: [`${name.from} has sent ${window.next - 1} messages and pieces to ${name.to} so far.`],
    };
  const at =
    target === undefined
      ? ""
      : `${name.to} is at site ${target.site}, epoch ${target.streamEpoch}${target.status === "lost" ? `, lost: ${target.why ?? ""}` : ""}.`;
  if (name.seq > window.sent)
    return {
      id,
      state: "held",
      steps: [
        `${here} holds it for ${name.from}: ${window.sent - window.base + 1} before it are not consumed, and the window is ${window.width} wide.`,
        at,
      ],
    };
  const arrived = name.seq <= window.received;
  return {
    id,
    state: arrived ? "waiting" : "sent",
    steps: [
      arrived
        ? `${here} has sent it; it has arrived, and is not consumed yet.`
        : `${here} has sent it; its arrival is not acknowledged yet (round trip ${window.roundTripMs.toFixed(1)} ms).`,
      at,
    ],
  };
}

function receivedStory(
  resident: Resident,
  name: MessageName,
  here: string,
): Omit<MessageStory, "id"> | undefined {
  const pair = [...resident.pairs.values()].find(({ sourceName }) => sourceName === name.from);
  const letter = resident.deadLetters.find(
    ({ sourceName, seq }) => sourceName === name.from && seq === name.seq,
  );
  const where = `${name.to} at ${here}`;
  if (letter !== undefined)
    return {
      state: "dead-lettered",
      steps: [
        `It is a dead letter of ${where} after ${letter.attempts} attempts: ${letter.fault.message}`,
        ...letter.deaths.map((death) => `It ended what ran it, ${deathWords(death)}`),
      ],
    };
  const current = resident.current();
  if (current?.id === formatMessageName(name)) {
    const error = current.error === undefined ? "" : `: ${current.error}`;
    return {
      state: current.state,
      steps: [
        `${where} has it at hand, ${current.state}, attempt ${current.attempt}, for ${current.forMs.toFixed(0)} ms${error}`,
      ],
    };
  }
  if (pair === undefined)
    return { state: "unknown", steps: [`${where} has got nothing from ${name.from} yet.`] };
  if (name.seq <= pair.consumed) return { state: "consumed", steps: [`${where} has consumed it.`] };
  if (name.seq <= pair.received) {
    const blocking =
      current === undefined ? "" : ` Behind ${current.id}, which is ${current.state}.`;
    return {
      state: "waiting",
      steps: [`It waits at ${where}, where ${resident.waiting} messages wait.${blocking}`],
    };
  }
  return { state: "unknown", steps: [`It has not arrived at ${where}.`] };
}
