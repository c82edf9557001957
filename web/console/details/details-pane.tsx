import { useState } from "preact/hooks";
import type { Clock } from "../../../src/base/index.ts";
import type { Network } from "../../../src/view/index.ts";
import type { Poller } from "../session/poller.ts";
import { ChannelsTable } from "./channels-table.tsx";
import { StatsPanel } from "./stats-panel.tsx";
import { StreamsTable } from "./streams-table.tsx";
import { SubscribersTable } from "./subscribers-table.tsx";

/** What {@link DetailsPane} shows and tells. */
export interface DetailsPaneProps {
  readonly clock: Clock;
  readonly network: Network;
  readonly poller: Poller;
  /** The site whose details are shown. */
  readonly site: string;
  readonly channel: string | undefined;
  /** The channel that the player shows at this site. */
  readonly watched: string | undefined;
  readonly onSite: (site: string) => void;
  readonly onChannel: (channel: string | undefined) => void;
  readonly onWatch: (channel: string) => void;
}

const TABS = ["Now", "Statistics", "Streams"] as const;

/** What the graph does not say: tables of now, how it was, and where the streams are. */
export function DetailsPane(props: DetailsPaneProps) {
  const { clock, network, poller, site, channel, onChannel } = props;
  const [tab, setTab] = useState<(typeof TABS)[number]>("Now");
  const record = network.sites.get(site)?.record;
  const url = record && poller.urlOf(record);
  return (
    <section class="pane tables" aria-label="Channels and subscribers">
      <div class="tabs" role="tablist">
        {TABS.map((each) => (
          <button
            key={each}
            type="button"
            role="tab"
            class="tab"
            aria-selected={each === tab}
            onClick={() => setTab(each)}
          >
            {each}
          </button>
        ))}
      </div>
      {tab === "Now" && (
        <>
          <ChannelsTable
            network={network}
            site={site}
            selected={channel}
            watched={props.watched}
            onSelect={(name) => onChannel(name === channel ? undefined : name)}
            onWatch={props.onWatch}
          />
          <SubscribersTable network={network} site={site} channel={channel} />
        </>
      )}
      {tab === "Statistics" && (
        <StatsPanel clock={clock} token={poller.token} site={site} url={url} channel={channel} />
      )}
      {tab === "Streams" && (
        <StreamsTable clock={clock} token={poller.token} url={url} onSite={props.onSite} />
      )}
    </section>
  );
}
