import { type Clock, SystemClock, SystemRandom } from "../../base/index.ts";
import { ChannelClient, type ChannelClientEvents } from "../../channel/index.ts";
import { formatAddress, LINK_PATH, WebSocketTransport } from "../../transport/index.ts";
import { SiteClient } from "../client/site-client.ts";

/** What a watcher may tell about itself. */
export interface WatchOptions {
  /** What it calls itself in the sites' lists. */
  readonly name?: string;
  readonly clock?: Clock;
  /** False: stays with the site of that address, and waits for it when it goes (true). */
  readonly follow?: boolean;
}

/** Hears nothing of what it is not interested in. */
export type WatchEvents = Partial<ChannelClientEvents>;

/**
 * Starts to watch a channel at the site of that address, as a viewer does; when the site goes, it goes on at another site of
 * the session.
 *
 * @param url `http://127.0.0.1:7000`
 * @throws {MeanderError} what {@link SiteClient} throws
 */
export async function watchChannel(
  url: string,
  channel: string,
  events: WatchEvents,
  options: WatchOptions = {},
): Promise<ChannelClient> {
  const { name = `watcher ${process.pid}`, clock = new SystemClock(), follow = true } = options;
  const client = new SiteClient(url);
  const { sites, self } = await client.session();
  const others = sites.filter((site) => site.name !== self);
  const transport = new WebSocketTransport({ clock });
  const watcher = new ChannelClient(
    {
      channel,
      sites: [
        client.linkUrl,
        ...others.map(({ http }) => `ws://${formatAddress(http.host, http.port)}${LINK_PATH}`),
      ],
      dial: (address) => transport.connect(address),
      clock,
      random: new SystemRandom(),
      name,
    },
    {
      onPacket() {},
      onDescription() {},
      onReport() {},
      onGap() {},
      onPath() {},
      onState() {},
      ...events,
    },
  );
  watcher.start();
  return watcher;
}
