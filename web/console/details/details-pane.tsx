import { useRef, useState } from "preact/hooks";
import type { Clock } from "../../../src/base/index.ts";
import type { Network } from "../../../src/view/index.ts";
import { moveFocus } from "../keys/move-focus.ts";
import type { Poller } from "../session/poller.ts";
import { AuditTable } from "./audit-table.tsx";
import { ChannelsTable } from "./channels-table.tsx";
import { InputsTable } from "./inputs-table.tsx";
import { StatsPanel } from "./stats-panel.tsx";
import { StreamsTable } from "./streams-table.tsx";
import { SubscribersTable } from "./subscribers-table.tsx";
import "./details.css";

/** What {@link DetailsPane} shows, and calls. */
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

const TABS = ["Overview", "Statistics", "Streams", "Audit"] as const;
type Tab = (typeof TABS)[number];

/** What the graph does not show: channels, subscribers, statistics, streams, and who did what. */
export function DetailsPane(props: DetailsPaneProps) {
  const { clock, network, poller, site, channel, onChannel } = props;
  const [tab, setTab] = useState<Tab>("Overview");
  const record = network.sites.get(site)?.record;
  const url = record && poller.urlOf(record);
  return (
    <section class="pane details" aria-label="Details">
      <Tabs selected={tab} onSelect={setTab} />
      <div role="tabpanel" id="details" aria-labelledby={`tab-${tab}`} class="tab-panel">
        {tab === "Overview" && (
          <>
            <ChannelsTable
              network={network}
              site={site}
              selected={channel}
              watched={props.watched}
              onSelect={(name) => onChannel(name === channel ? undefined : name)}
              onWatch={props.onWatch}
            />
            <InputsTable network={network} site={site} channel={channel} />
            <SubscribersTable network={network} site={site} channel={channel} />
          </>
        )}
        {tab === "Statistics" && (
          <StatsPanel clock={clock} token={poller.token} site={site} url={url} channel={channel} />
        )}
        {tab === "Audit" && <AuditTable clock={clock} token={poller.token} site={site} url={url} />}
        {tab === "Streams" && (
          <StreamsTable clock={clock} token={poller.token} url={url} onSite={props.onSite} />
        )}
      </div>
    </section>
  );
}

/** One tab is a tab stop; arrow keys move to the others, and select them. */
function Tabs(props: { readonly selected: Tab; readonly onSelect: (tab: Tab) => void }) {
  const list = useRef<HTMLDivElement>(null);
  return (
    <div
      class="tabs"
      role="tablist"
      aria-label="Details"
      tabIndex={-1}
      ref={list}
      onKeyDown={(event) =>
        moveFocus(event, [...(list.current?.querySelectorAll("button") ?? [])], "line")
      }
    >
      {TABS.map((each) => (
        <button
          key={each}
          type="button"
          role="tab"
          id={`tab-${each}`}
          class="tab"
          aria-selected={each === props.selected}
          aria-controls="details"
          tabIndex={each === props.selected ? 0 : -1}
          onClick={() => props.onSelect(each)}
          onFocus={() => props.onSelect(each)}
        >
          {each}
        </button>
      ))}
    </div>
  );
}
