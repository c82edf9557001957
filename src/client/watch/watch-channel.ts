import {
  type Clock,
  isAboutToken,
  MeanderError,
  SystemClock,
  SystemRandom,
} from "../../base/index.ts";
import { ChannelClient, type ChannelClientEvents } from "../../channel/index.ts";
import { type TlsTrust, WebSocketTransport } from "../../transport/index.ts";
import type { SessionView } from "../contract/views.ts";
import { SiteClient, type SiteCredentials } from "../site-client.ts";
import { linkUrlOf } from "../site-url.ts";

/** Options of a watcher. */
export interface WatchOptions extends SiteCredentials {
  /** Its name in the sites' lists of subscribers. */
  readonly name?: string;
  readonly clock?: Clock;
  /** False: stays with the site of that address, and waits for it when it is lost (true). */
  readonly follow?: boolean;
}

/** Ignores events without a handler. */
export type WatchEvents = Partial<ChannelClientEvents>;

/**
 * Starts to watch a channel at the site of that address, as a viewer does; when the site is lost, it continues at
 * another site
 * of the session.
 *
 * @param url `http://127.0.0.1:7000`
 * @throws {MeanderError} what {@link SiteClient} throws, but for tokens: those are for the channel to judge
 */
export async function watchChannel(
  url: string,
  channel: string,
  events: WatchEvents,
  options: WatchOptions = {},
): Promise<ChannelClient> {
  const { name = `watcher ${process.pid}`, clock = new SystemClock(), follow = true } = options;
  const { token, trust } = options;
  const client = new SiteClient(url, { token, trust });
  const others = follow ? await othersAt(client) : [];
  const trusts = new Map<string, TlsTrust | undefined>([[client.linkUrl, trust]]);
  for (const { link, tls } of others) trusts.set(link, tls);
  const transport = new WebSocketTransport({ clock });
  const watcher = new ChannelClient(
    {
      channel,
      sites: [client.linkUrl, ...others.map(({ link }) => link)],
      follow,
      token,
      dial: (address) =>
        transport.connect(address, { trust: trusts.has(address) ? trusts.get(address) : trust }),
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

/**
 * The other sites of the session and their certificates. A client that may not know them learns them from the site
 * later.
 */
async function othersAt(
  client: SiteClient,
): Promise<readonly { readonly link: string; readonly tls: TlsTrust | undefined }[]> {
  let session: SessionView;
  try {
    session = await client.session();
  } catch (error) {
    if (error instanceof MeanderError && isAboutToken(error.code)) return [];
    throw error;
  }
  return session.sites
    .filter(({ name }) => name !== session.self)
    .map((site) => ({ link: linkUrlOf(site), tls: site.tls }));
}
