import { type Clock, MeanderError } from "../../base/index.ts";
import { type MemoryConnection, memoryPair } from "../../transport/index.ts";
import type { ProcessClock } from "./process-clock.ts";
import type { Flow, VirtualNetwork } from "./virtual-network.ts";

/** Where an end of a link is. */
export interface LinkEnd {
  readonly machine: string;
  readonly process: ProcessClock;
  /** The stack that it is for those who hold it, as text. */
  readonly stack: string;
  /** Share of the datagrams that are lost on their arrival there, 0..1. */
  readonly dropRatio: number;
}

/**
 * A connection between two processes that carries packets, over a virtual network: a stream, which a partition breaks
 * and which a cut delays, or datagrams.
 */
export function virtualLinkPair(
  network: VirtualNetwork,
  clock: Clock,
  [left, right]: readonly [LinkEnd, LinkEnd],
  reliable: boolean,
): [MemoryConnection, MemoryConnection] {
  const carry = (from: LinkEnd, to: LinkEnd): ((bytes: number, deliver: () => void) => void) => {
    const flow: Flow = { at: 0, waiting: [] };
    return (bytes, deliver) => {
      if (reliable) network.piece(from.machine, to.machine, bytes, flow, deliver);
      else network.datagram(from.machine, to.machine, bytes, to.dropRatio, deliver);
    };
  };
  const pair = memoryPair({
    ...{ clock, reliable },
    ends: [
      { stack: left.stack, carry: carry(left, right), handle: (task) => left.process.hold(task) },
      { stack: right.stack, carry: carry(right, left), handle: (task) => right.process.hold(task) },
    ],
  });
  if (!reliable || left.machine === right.machine) return pair;
  const machines = [left.machine, right.machine];
  const undo = network.onBreak((a, b) => {
    if (!machines.includes(a) || !machines.includes(b)) return;
    undo();
    const why = new MeanderError("connection-reset", "the way was cut", {
      where: `machines ${machines.join(" and ")}`,
    });
    for (const [index, { process }] of [left, right].entries())
      process.hold(() => pair[index]?.end(why));
  });
  for (const end of pair) void end.closed.then(undo);
  return pair;
}
