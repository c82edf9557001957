import type { StreamEvent } from "../agent/index.ts";
import { MeanderError, unreachable } from "../base/index.ts";
import type { Paint } from "./terminal.ts";
import { formatMs, parseNames } from "./value-text.ts";

/** The types of events, in the order of a stream's life. */
export const EVENT_TYPES = [
  "created",
  "agent-attached",
  "agent-detached",
  "handler-replaced",
  "consumed",
  "failed",
  "dead-lettered",
  "discarded",
  "moved",
  "move-aborted",
  "recovered",
  "denied",
  "output",
  "missed",
  "destroyed",
] as const satisfies readonly StreamEvent["type"][];

/** Types of events, divided by commas. @throws {MeanderError} `arguments-invalid` */
export function parseEventTypes(text: string, argument: string): StreamEvent["type"][] {
  return parseNames(text).map((name) => {
    const type = EVENT_TYPES.find((each) => each === name);
    if (type !== undefined) return type;
    throw new MeanderError("arguments-invalid", `got ${JSON.stringify(name)}`, {
      where: `argument ${argument}`,
      expected: `of ${EVENT_TYPES.join(", ")}`,
    });
  });
}

/** An event on one line: when, where, which stream, what. */
export function formatEvent(event: StreamEvent, paint: Paint): string {
  const head = `${paint("dim", `${timeOfDay(event.at)} ${event.site}`)} ${paint("bold", event.stream)}`;
  return `${head} ${tell(event, paint)}`;
}

function tell(event: StreamEvent, paint: Paint): string {
  switch (event.type) {
    case "created":
    case "destroyed":
      return paint("cyan", event.type);
    case "moved":
      return `${paint("cyan", "moved")} from ${event.from} to ${event.to} in ${formatMs(event.ms)} (epoch ${event.streamEpoch})`;
    case "move-aborted":
      return `${paint("yellow", "move aborted")} to ${event.to}: ${oneLine(event.reason)}`;
    case "recovered":
      return `${paint("yellow", "recovered")} at ${event.to} after ${event.lostSite} was lost (epoch ${event.streamEpoch})`;
    case "agent-attached":
      return `${paint("cyan", "agent attached")} ${event.agent}`;
    case "agent-detached":
      return `${paint("cyan", "agent detached")} ${event.agent}`;
    case "handler-replaced":
      return `${paint("cyan", "handler replaced")} ${event.agent} ${event.event}`;
    case "consumed":
      return `${paint("green", "consumed")} ${event.message} in ${formatMs(event.ms)}`;
    case "failed":
      return `${paint("red", "failed")} ${event.message} at attempt ${event.attempt}: ${oneLine(event.error)}; then ${event.then}`;
    case "dead-lettered":
      return `${paint("red", "dead-lettered")} ${event.message}: ${oneLine(event.reason)}`;
    case "discarded":
      return `${paint("yellow", "discarded")} ${event.message}: ${oneLine(event.reason)}`;
    case "denied":
      return `${paint("yellow", "denied")} ${event.action} by ${event.by}: ${oneLine(event.reason)}`;
    case "output":
      return `${paint("dim", `${event.agent}:`)} ${oneLine(event.line)}`;
    case "missed":
      return paint("yellow", `${event.count} events were missed: they came too fast`);
    default:
      return unreachable(event);
  }
}

/** What an agent printed: who, and the line. */
export function formatOutput(
  output: {
    readonly site: string;
    readonly stream: string;
    readonly agent: string;
    readonly line: string;
  },
  paint: Paint,
): string {
  const who = `${output.site} ${output.stream}/${output.agent}:`;
  return output.line
    .split("\n")
    .map((line) => `${paint("dim", who)} ${line}`)
    .join("\n");
}

/** `14:03:05.250`, in the time of this machine. */
function timeOfDay(at: number): string {
  const time = new Date(at);
  const two = (number: number): string => `${number}`.padStart(2, "0");
  const ms = `${time.getMilliseconds()}`.padStart(3, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ");
}
