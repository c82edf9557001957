import { formatBitRate, type Network, type Topology, UNKNOWN } from "../../src/view/index.ts";

/** The name of the session, its leader, and its size in numbers. */
export function Header({
  network,
  topology,
}: {
  readonly network: Network;
  readonly topology: Topology;
}) {
  const { session } = network;
  const up = topology.sites.filter((site) => site.state !== "down").length;
  const viewers = topology.sites.reduce((sum, site) => sum + site.viewerCount, 0);
  const moved = topology.links.reduce((sum, link) => sum + (link.rate?.bitsPerSecond ?? 0), 0);
  return (
    <header class="header">
      <h1 class="wordmark">
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <path d="M3 22c6 0 5-13 11-13s4 14 9 14 4-9 6-13" />
        </svg>
        meander
      </h1>
      <dl class="facts">
        <Fact minor label="session" value={session?.session.name ?? UNKNOWN} />
        <Fact minor label="leader" value={session?.leader ?? (session ? "none" : UNKNOWN)} />
        <Fact
          minor={session?.directory !== "disconnected"}
          label="directory"
          value={session?.directory ?? UNKNOWN}
          tone={session?.directory === "disconnected" ? "warn" : undefined}
        />
      </dl>
      <dl class="facts facts-right">
        <Fact
          label="sites up"
          value={`${up} of ${topology.sites.length}`}
          tone={up < topology.sites.length ? "warn" : undefined}
        />
        <Fact label="channels" value={String(session?.channels.length ?? 0)} />
        <Fact label="players" value={String(viewers)} />
        <Fact label="between sites" value={formatBitRate(moved)} />
      </dl>
    </header>
  );
}

function Fact(props: {
  readonly label: string;
  readonly value: string;
  readonly tone?: "warn" | undefined;
  /** Left out on small screens. */
  readonly minor?: boolean;
}) {
  return (
    <div class={props.minor ? "fact minor" : "fact"}>
      <dt>{props.label}</dt>
      <dd class={props.tone ?? ""}>{props.value}</dd>
    </div>
  );
}
