import { SeededRandom } from "../../base/index.ts";

/** What happens to relays. Times are ms since the troubles began. */
export type RelayFault =
  /** Shuts down as by SIGTERM, and is started again. */
  | { readonly type: "leave"; readonly site: string; readonly at: number; readonly forMs: number }
  /** Dies as by `kill -9`, and is started again. */
  | { readonly type: "crash"; readonly site: string; readonly at: number; readonly forMs: number }
  /** Stands still as by SIGSTOP. */
  | { readonly type: "freeze"; readonly site: string; readonly at: number; readonly forMs: number }
  /** Its machine's clock is set wrong, and right again. */
  | {
      readonly type: "clock";
      readonly site: string;
      readonly offsetMs: number;
      readonly at: number;
      readonly forMs: number;
    }
  /** Nothing passes between two groups of sites; `oneWay`: nothing passes from the first to the second. */
  | {
      readonly type: "cut";
      readonly sites: readonly string[];
      readonly oneWay: boolean;
      readonly at: number;
      readonly forMs: number;
    };

/** A network of relays, each with one source or, some, with two, and what happens to it. */
export interface RelayPlan {
  readonly seed: number;
  readonly reliable: boolean;
  readonly lossRatio: number;
  /** The ingest first; then each site with the sources of its route, which come before it. */
  readonly sites: readonly { readonly name: string; readonly from: readonly string[] }[];
  /** Sites with a viewer each. */
  readonly viewers: readonly string[];
  readonly faults: readonly RelayFault[];
}

/** Faults begin within this time, ms. */
const TROUBLED_MS = 8_000;
const VIEWERS_MAX = 6;
/** Larger networks suffer as often for each so many of their sites as one of that size. */
const PART_SITES = 30;

/** The plan of a seed. @param relays number of sites, >= 3 */
export function drawRelayPlan(seed: number, relays: number): RelayPlan {
  const random = new SeededRandom(seed);
  const below = (count: number): number => Math.floor(random.float() * count);
  const names = Array.from({ length: relays }, (_, index) => `r${index}`);
  // Broad or deep, with at most about thirty sites in a row.
  const reach = Math.max(1, Math.floor(relays / 15)) + below(12);
  const sites = names.map((name, index) => {
    if (index === 0) return { name, from: [] };
    const pick = (): string => names[Math.max(0, index - 1 - below(reach))] as string;
    const from = new Set([pick()]);
    if (random.float() < 0.2) from.add(pick());
    return { name, from: [...from] };
  });
  const others = names.slice(1);
  const any = (): string => others[below(others.length)] as string;
  const viewers = [...new Set(Array.from({ length: VIEWERS_MAX }, any))];
  const faults = drawFaults(random, others, others.length);
  // By dice of their own: what else happens stays as it was.
  const further = new SeededRandom(seed ^ 0x9a57);
  for (let part = 2; part <= relays / PART_SITES; part++)
    faults.push(...drawFaults(further, others, PART_SITES));
  const clocks = new SeededRandom(seed ^ 0xc10c);
  if (clocks.float() < 0.3) {
    const site = names[clocks.below(relays)] as string;
    const ms = 1_000 * 10 ** (clocks.float() * 4);
    const offsetMs = Math.round(clocks.float() < 0.5 ? ms : -ms);
    const [at, forMs] = [clocks.below(TROUBLED_MS), 300 + clocks.below(5_000)];
    faults.push({ type: "clock", site, offsetMs, at, forMs });
  }
  const reliable = random.float() < 0.6;
  return {
    ...{ seed, reliable, sites, viewers },
    lossRatio: reliable ? 0 : ([0, 0.01, 0.03][below(3)] as number),
    faults: faults.sort((a, b) => a.at - b.at),
  };
}

/**
 * One to three times a fault, or two at once.
 *
 * @param sites that are hit
 * @param cutMax of them, at most half are cut off together, as a rule
 */
function drawFaults(random: SeededRandom, sites: readonly string[], cutMax: number): RelayFault[] {
  const any = (): string => sites[random.below(sites.length)] as string;
  const fault = (at: number): RelayFault => {
    const kind = ["leave", "crash", "crash", "freeze", "cut"][random.below(5)];
    const site = any();
    const forMs = 300 + random.below(5_000);
    if (kind === "leave" || kind === "crash") return { type: kind, site, at, forMs };
    if (kind === "freeze") return { type: "freeze", site, at, forMs: 100 + random.below(3_000) };
    // One site, or a part of the network.
    const ratio = cutMax / sites.length / 2;
    const share = random.float() < 0.6 ? 0 : random.float() * ratio;
    const part = new Set([site, ...sites.filter(() => random.float() < share)]);
    return { type: "cut", sites: [...part], oneWay: random.float() < 0.3, at, forMs };
  };
  return Array.from({ length: 1 + random.below(3) }, () => {
    const at = random.below(TROUBLED_MS);
    return random.float() < 0.3 ? [fault(at), fault(at + random.below(100))] : [fault(at)];
  }).flat();
}
