import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import type { Clock } from "../../src/base/index.ts";
import { channelNames, firstWatch, stateOf, topologyOf, type Watch } from "../../src/view/index.ts";
import { SessionToken } from "../token/session-token.ts";
import { Banners } from "./banners.tsx";
import { DetailsPane } from "./details/details-pane.tsx";
import { RecentPane } from "./details/recent-pane.tsx";
import { EventList } from "./event-list.tsx";
import { Graph } from "./graph/graph.tsx";
import { Header } from "./header.tsx";
import { useEscape } from "./keys/use-escape.ts";
import { useDemo } from "./session/use-demo.ts";
import { useSession } from "./session/use-session.ts";
import { TokenPrompt } from "./token-prompt.tsx";
import { PlayerPane } from "./watch/player-pane.tsx";

/** How long the page waits for a channel with video and a path before it shows any, ms. */
const CHOICE_MS = 3_000;

/** The console: the session as a graph and tables, with a player and what happened beside them. */
export function Console({ clock, origin }: { readonly clock: Clock; readonly origin: string }) {
  const token = useMemo(() => new SessionToken(), []);
  const live = useSession(clock, origin, token);
  const { network, poller } = live;
  const demo = useDemo(clock, live);
  const topology = useMemo(() => topologyOf(network), [network]);
  const [watch, setWatch] = useState<Watch>();
  const [chosenSite, selectSite] = useState<string>();
  const [channel, selectChannel] = useState<string>();
  const openedAt = useMemo(() => clock.now(), [clock]);

  useEffect(() => {
    if (watch === undefined)
      setWatch(firstWatch(network, { hurry: clock.now() - openedAt > CHOICE_MS }));
  }, [network, watch, clock, openedAt]);

  const again = useCallback(() => poller.poll(), [poller]);
  const showAll = useCallback(() => selectChannel(undefined), []);
  useEscape(channel === undefined ? undefined : showAll);
  const site = chosenSite ?? watch?.site ?? network.session?.self ?? "";
  const record = network.sites.get(watch?.site ?? "")?.record;
  const selectedRecord = network.sites.get(site)?.record;
  return (
    <div class="console">
      <Header network={network} topology={topology} />
      <TokenPrompt token={token} onGiven={again} />
      <Banners network={network} servedBy={poller.servedBy} />
      <main class="panes">
        <Graph
          topology={topology}
          selected={site}
          onSelect={selectSite}
          watched={watch?.site}
          channel={channel}
          demo={demo}
        />
        <PlayerPane
          clock={clock}
          network={network}
          token={token}
          watch={watch}
          url={record && poller.urlOf(record)}
          sites={[...network.sites.keys()].sort()}
          isDown={(name) => stateOf(network, name).state === "down"}
          channels={channelNames(network)}
          onWatch={setWatch}
        />
        <DetailsPane
          clock={clock}
          network={network}
          poller={poller}
          site={site}
          channel={channel}
          watched={watch?.site === site ? watch.channel : undefined}
          onSite={selectSite}
          onChannel={selectChannel}
          onWatch={(name) => setWatch({ site, channel: name })}
        />
        <RecentPane
          clock={clock}
          token={token}
          site={site}
          url={selectedRecord && poller.urlOf(selectedRecord)}
          channel={channel}
        />
        <EventList lines={live.lines} />
      </main>
    </div>
  );
}
