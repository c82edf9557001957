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
  /**
   * Addresses of more sites, in the order in which they are tried when the first is lost; before those that the session
   * names. They are presented the same token, and trusted alike.
   */
  readonly alternatives?: readonly string[];
}

/** A site of the session. */
interface OtherSite {
  readonly link: string;
  readonly tls: TlsTrust | undefined;
}

/** Ignores events without a handler. */
export type WatchEvents = Partial<ChannelClientEvents>;

/**
 * Starts to watch a channel at the site of that address, as a viewer does; when the site is lost, it continues at
 * another site: one of the alternatives, or of the session.
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
  const { alternatives = [], token, trust } = options;
  const named = [url, ...alternatives].map((each) => new SiteClient(each, { token, trust }));
  const links = named.map(({ linkUrl }) => linkUrl);
  const others = follow ? await othersAtOneOf(named) : [];
  const trusts = new Map<string, TlsTrust | undefined>(links.map((link) => [link, trust]));
  for (const { link, tls } of others) if (!links.includes(link)) trusts.set(link, tls);
  const transport = new WebSocketTransport({ clock });
  const watcher = new ChannelClient(
    {
      channel,
      sites: [...new Set(links)],
      fallbacks: others.map(({ link }) => link),
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

/** What the first of these sites that answers knows. @throws {MeanderError} when none does: what the first failed with */
async function othersAtOneOf(sites: readonly SiteClient[]): Promise<readonly OtherSite[]> {
  const failures: unknown[] = [];
  for (const site of sites) {
    try {
      return await othersAt(site);
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

/**
 * The other sites of the session and their certificates. A client that may not know them learns them from the site
 * later.
 */
async function othersAt(client: SiteClient): Promise<readonly OtherSite[]> {
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
