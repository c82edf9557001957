import { useCallback, useState } from "preact/hooks";
import type { Clock } from "../../../src/base/index.ts";
import { NO_ANSWER, post } from "./ask.ts";
import type { LiveSession } from "./use-session.ts";

/** What can be done to a site of the demo. */
export type DemoVerb = "kill" | "stop" | "start";

/** The controls of a demo. */
export interface Demo {
  /** Sites with a pending request. */
  readonly busy: ReadonlySet<string>;
  /** Does it, and adds the outcome to the list of events. */
  act(site: string, verb: DemoVerb): void;
}

/** Stops, kills and starts sites of the demo through its leader; undefined where the session is no demo. */
export function useDemo(clock: Clock, { network, poller, say }: LiveSession): Demo | undefined {
  const [busy, setBusy] = useState<ReadonlySet<string>>(new Set());
  const leaderName =
    network.session?.leader ?? network.session?.sites.find((site) => site.leader)?.name;
  const leader = network.sites.get(leaderName ?? "")?.record;

  const act = useCallback(
    async (site: string, verb: DemoVerb): Promise<void> => {
      if (leader === undefined) {
        say({ tone: "bad", text: `Cannot ${verb} ${site}: the session has no leader` });
        return;
      }
      setBusy((before) => new Set(before).add(site));
      const url = `${poller.urlOf(leader)}/api/demo/sites/${site}/${verb}`;
      const answer = await post(clock, url, poller.token);
      // The leader does not answer any more when it was the leader that was killed.
      const isGone = site === leader.name && verb === "kill" && answer === NO_ANSWER;
      const refusal = isGone ? undefined : answer;
      setBusy((before) => new Set([...before].filter((name) => name !== site)));
      say(
        refusal === undefined
          ? { tone: verb === "start" ? "good" : "warn", text: DONE[verb](site) }
          : { tone: "bad", text: `Could not ${verb} ${site}: ${refusalOf(leader.name, refusal)}` },
      );
      poller.poll();
    },
    [clock, leader, poller, say],
  );

  if (network.session?.demo !== true) return undefined;
  return { busy, act: (site, verb) => void act(site, verb) };
}

/** Why the leader did not do it: in its own words, or that it gave none. */
function refusalOf(leader: string, refusal: string): string {
  return refusal.startsWith(NO_ANSWER) ? `${refusal} from ${leader}` : refusal;
}

const DONE: Readonly<Record<DemoVerb, (site: string) => string>> = {
  kill: (site) => `${site} was killed (SIGKILL)`,
  stop: (site) => `${site} was told to stop`,
  start: (site) => `${site} was started`,
};
