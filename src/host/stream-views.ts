import type { MessageStory, StreamInspection, StreamView } from "../agent/index.ts";
import { MeanderError } from "../base/index.ts";
import type { StreamRecord } from "../session/index.ts";
import {
  EVENT_SOURCE,
  formatMessageName,
  type MessageName,
  parseMessageName,
  type Resident,
} from "../stream/index.ts";
import type { SiteStreams } from "./site-streams.ts";

/** Messages that an inspection lists. */
const MAILBOX_SHOWN = 100;

/** A stream as people see it. */
export function viewOf(record: StreamRecord): StreamView {
  const { name, id, site, streamEpoch, status, why, durability, failureManagers, agents } = record;
  return {
    name,
    id,
    site,
    streamEpoch,
    status,
    why,
    durability,
    failureManagers,
    agents: agents.map(({ spec }) => spec.name),
  };
}

/** A stream that is at this site, from inside. @throws {MeanderError} `stream-gone` */
export function inspect(site: SiteStreams, name: string): StreamInspection {
  const record = site.table.byName(name);
  const resident = record === undefined ? undefined : site.resident(record.id);
  if (record === undefined || resident === undefined) throw gone(name);
  const agents = site.agentsOf(record.id)?.agents ?? [];
  return {
    ...viewOf(record),
    agents: agents.map(({ spec }) => spec.name),
    mailbox: resident.mailbox(MAILBOX_SHOWN),
    waiting: resident.waiting,
    current: resident.current(),
    senders: [...resident.pairs.values()].map(({ sourceName, consumed }) => ({
      name: sourceName,
      consumed,
    })),
    receivers: [...resident.sendWindows.values()]
      .filter(({ target }) => target > 0)
      .map(({ targetName, next, unacknowledged, width, roundTripMs }) => ({
        name: targetName,
        next,
        unacknowledged,
        window: width,
        roundTripMs,
      })),
    deadLetters: resident.deadLetters.map(({ sourceName, seq, fault, attempts, payload }) => ({
      id: formatMessageName({ from: sourceName, to: name, seq }),
      error: fault.message,
      attempts,
      payload,
    })),
    counts: resident.counts,
    briefcases: Object.fromEntries(agents.map(({ spec, briefcase }) => [spec.name, briefcase])),
  };
}

/** What this site knows of a message. */
export function storyOf(site: SiteStreams, id: string): MessageStory {
  const name = parseMessageName(id);
  if (name === undefined) return { id, state: "unknown", steps: [] };
  const here = `site ${site.options.self.site}`;
  const receiver = residentOf(site, name.to);
  const received = receiver === undefined ? undefined : receivedStory(receiver, name, here);
  if (received !== undefined && received.state !== "unknown") return { id, ...received };
  const sender = residentOf(site, name.from) ?? site.shellNamed(name.from);
  const target = site.table.byName(name.to);
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

/** A person's word on a message that could not be consumed. @throws {MeanderError} `message-unknown`, `stream-gone` */
export function settleLetter(
  site: SiteStreams,
  stream: string,
  message: string,
  action: string,
  edited: Uint8Array | undefined,
): void {
  const resident = residentOf(site, stream);
  if (resident === undefined) throw gone(stream);
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
    if (action !== "replay" && resident.settleHalt(which, skip, edited)) return;
    if (resident.settleLetter(which, skip, edited)) return;
  }
  throw new MeanderError(
    "message-unknown",
    "that is neither a dead letter of the stream nor what halted it",
    {
      where: message,
      expected: "an id that `meander stream inspect` shows",
    },
  );
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

function residentOf(site: SiteStreams, name: string): Resident | undefined {
  const record = site.table.byName(name);
  return record === undefined ? undefined : site.resident(record.id);
}

function gone(name: string): MeanderError {
  return new MeanderError("stream-gone", "the stream is not at this site", {
    where: `stream ${name}`,
    next: "try again",
  });
}
