import { LIMITS } from "../../../base/index.ts";
import type {
  Candidate,
  ReshapingChoice,
  ReshapingFacts,
  ReshapingPolicy,
} from "../reshaping-policy.ts";

/** So many that can be used are kept ready besides the route. */
export const READY = 2;
/** So many more are tried at once while the channel is lost. */
const TRIED = 3;
/** A source that comes back is used again after this, ms; … */
const PREFER_MS = 5_000;
/** … half as long again for each further time that it was lost recently, … */
const PREFER_GROWTH = 1.5;
/** … up to this, ms. */
const PREFER_MS_MAX = 60_000;
/** One that was lost so often recently is used after the others. */
const UNSTEADY = 3;

/** Keeps the sources of the sources ready; tries everybody else while the channel is lost. */
export const standardPolicy: ReshapingPolicy = {
  name: "standard",
  forwardsWhileLeaving: true,
  choose: (facts) => chooseBy(facts, () => 0),
  preferMs,
};

/** The standard choice, with those of equal nearness in the order of `weigh`, least first. */
export function chooseBy(
  facts: ReshapingFacts,
  weigh: (candidate: Candidate) => number,
): ReshapingChoice {
  const usable = facts.candidates.filter(
    ({ isLeaving, isThroughUs, relation }) => relation !== "route" && !isThroughUs && !isLeaving,
  );
  const near = sorted(
    usable.filter(({ relation }) => relation === "source-of-source"),
    weigh,
  );
  const active = usable.filter(({ state }) => state === "active");
  const chosen = new Map<string, Candidate>();
  const choose = (candidates: readonly Candidate[]): void => {
    for (const each of candidates)
      if (chosen.size < LIMITS.alternativesMax) chosen.set(each.name, each);
  };
  choose(active);
  let ready = 0;
  for (const each of near) {
    if (ready === READY) break;
    choose([each]);
    if (isReady(each)) ready++;
  }
  if (facts.lostMs > 0) {
    choose(near);
    const others = sorted(
      usable.filter(({ name }) => !chosen.has(name)),
      weigh,
    );
    // The same ones are not tried again before the others.
    const from = others.length <= TRIED ? 0 : (facts.attempt * TRIED) % others.length;
    choose([...others.slice(from), ...others.slice(0, from)].slice(0, TRIED));
    // Where it is ingested, it is.
    choose(others.filter(({ origin }) => origin.kind === "directory" && origin.isIngest));
  }
  return { learned: [...chosen.keys()] };
}

/** The time grows with each failure: a source that comes and goes is preferred less each time. */
export function preferMs(failures: number): number {
  return Math.min(PREFER_MS_MAX, PREFER_MS * PREFER_GROWTH ** Math.max(0, failures - 1));
}

function isReady({ path, state }: Candidate): boolean {
  return (state === "standby" || state === "active") && path !== undefined && path.length > 0;
}

function sorted(
  candidates: readonly Candidate[],
  weigh: (candidate: Candidate) => number,
): Candidate[] {
  const unsteady = ({ failures }: Candidate): number => (failures >= UNSTEADY ? 1 : 0);
  return candidates.toSorted((a, b) => unsteady(a) - unsteady(b) || weigh(a) - weigh(b));
}
