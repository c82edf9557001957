import {
  decodeFrames,
  type EndpointId,
  type Frame,
  type FrameHead,
  frameHead,
  isStream,
  type Resident,
  type SiteInstance,
} from "../../stream/index.ts";
import type { SimSite } from "../world/sim-site.ts";

type Seen = Frame | FrameHead;

/** What a frame may change at the endpoint that it is for. */
interface Face {
  readonly received: number;
  readonly consumed: number;
  readonly sourceEpoch: number;
  readonly base: number;
  readonly next: number;
  readonly arrived: number;
  readonly awaitsNumber: boolean;
}

/**
 * [I4] What bears a lower epoch than is known changes nothing: looks at the endpoint that a frame is for, before and after its kernel has taken it. Most frames
 * are of the present epoch, and are only looked at once.
 */
export class StaleFrames {
  readonly #broken: (invariant: string, what: string, stream: string) => void;
  /** Frames that a kernel had to refuse. */
  count = 0;

  constructor(broken: (invariant: string, what: string, stream: string) => void) {
    this.#broken = broken;
  }

  /** Gives a frame to a site's kernel with `take`. */
  arrive(site: SimSite, from: SiteInstance, bytes: Uint8Array, take: () => void): void {
    const frame = read(bytes);
    const why = frame === undefined ? undefined : staleness(site, frame);
    if (frame === undefined || why === undefined) {
      take();
      return;
    }
    this.count++;
    const before = faceOf(site, frame);
    take();
    const after = faceOf(site, frame);
    if (JSON.stringify(after) === JSON.stringify(before)) return;
    const owner = nameOf(site, frame);
    this.#broken(
      "I4",
      `${site.name} took a frame (${frame.type}) of ${from.site} with ${why}: ${JSON.stringify(before)} became ${JSON.stringify(after)}`,
      owner,
    );
  }
}

/** Of most frames the head is enough. */
function read(bytes: Uint8Array): Seen | undefined {
  let frame: Seen | undefined = frameHead(bytes);
  if (frame === undefined)
    decodeFrames(bytes, (each) => {
      frame = each;
    });
  return frame;
}

/** Why a frame is an old one; undefined: it is none. */
function staleness(site: SimSite, frame: Seen): string | undefined {
  const { targetEpoch } = frame;
  const atTarget = frame.type === "append" || frame.type === "resync";
  if (atTarget) {
    const resident = residentOf(site, frame.target);
    if (resident !== undefined && targetEpoch < resident.streamEpoch)
      return `epoch ${targetEpoch} of its target, which is ${resident.streamEpoch}`;
    const known = frame.target > 0 ? resident?.pairs.get(frame.source) : undefined;
    if (known !== undefined && frame.sourceEpoch < known.sourceEpoch)
      return `epoch ${frame.sourceEpoch} of its source, which was ${known.sourceEpoch}`;
    return undefined;
  }
  const known = site.streams?.kernel.locations.get(frame.target)?.streamEpoch ?? 0;
  if (targetEpoch < known) return `epoch ${targetEpoch} of its target, which is ${known}`;
  if (frame.type !== "resynced") return undefined;
  const source = residentOf(site, frame.source);
  return source !== undefined && frame.sourceEpoch < source.streamEpoch
    ? `epoch ${frame.sourceEpoch} of its source, which is ${source.streamEpoch}`
    : undefined;
}

function faceOf(site: SimSite, { source, target }: Seen): Partial<Face> {
  const receiver = target > 0 ? residentOf(site, target)?.pairs.get(source) : undefined;
  const window = residentOf(site, source)?.windowTo(target);
  return {
    ...(receiver !== undefined && {
      ...{ received: receiver.received, consumed: receiver.consumed },
      sourceEpoch: receiver.sourceEpoch,
    }),
    ...(window !== undefined && {
      ...{ base: window.base, next: window.next, arrived: window.received },
      awaitsNumber: window.awaitsNumber,
    }),
  };
}

function residentOf(site: SimSite, address: EndpointId): Resident | undefined {
  return site.streams?.kernel.residents.get(Math.abs(address));
}

function nameOf(site: SimSite, { source, target }: Seen): string {
  const id = isStream(Math.abs(target)) ? Math.abs(target) : source;
  return site.streams?.table.byId(id)?.name ?? `${id}`;
}
