import { useMemo, useRef } from "preact/hooks";
import type { Clock } from "../../../src/base/index.ts";
import {
  formatPath,
  formatSpan,
  type Network,
  type Watch,
  waysOf,
} from "../../../src/view/index.ts";
import { clockTime } from "../session/clock-time.ts";

/** The ways that the watched channel took to the watched site: since when, how long, and why. The present one first. */
export function WayList(props: {
  readonly clock: Clock;
  readonly network: Network;
  readonly watch: Watch | undefined;
}) {
  const { clock, network, watch } = props;
  const { site = "", channel = "" } = watch ?? {};
  const ways = useMemo(() => waysOf(network, site, channel), [network, site, channel]);
  const stalled = network.sites
    .get(site)
    ?.now?.snapshot.channels.find(({ name }) => name === channel)?.stalled;
  // Reports arrive a little sooner or later: a time that was shown once stays.
  const shown = useRef(new Map<string, number>());
  const at = network.sites.get(site)?.now?.snapshot.at ?? 0;
  const instance = network.sites.get(site)?.record.instance;
  const before = shown.current;
  shown.current = new Map();
  const timeOf = (agoMs: number): string => {
    const key = `${site} ${instance} ${Math.round(at - agoMs)}`;
    const time = before.get(key) ?? clock.wall() - agoMs;
    shown.current.set(key, time);
    return clockTime(time);
  };
  return (
    <section class="ways" aria-label={`Path of ${channel} to ${site}`}>
      <ol>
        {ways.map(({ agoMs, forMs, isPresent, path, why }) => (
          <li key={Math.round(at - agoMs)} class={isPresent ? "present" : ""}>
            <time>{timeOf(agoMs)}</time>
            <span class={path.length === 0 ? "bad" : "way"}>
              {path.length > 0
                ? formatPath(path)
                : isPresent
                  ? "does not arrive"
                  : "did not arrive"}
            </span>
            {!isPresent && <span class="span">for {formatSpan(forMs)}</span>}
            <span class="why">
              {path.length === 0 && isPresent ? (stalled?.reason ?? "") : why}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
