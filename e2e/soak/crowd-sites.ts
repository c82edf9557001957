import { type Clock, SILENT } from "../../src/base/index.ts";
import { type Connection, composeStack, parseStack } from "../../src/stack/index.ts";
import {
  LINK_PATH,
  TcpTransport,
  UdpTransport,
  WebSocketTransport,
} from "../../src/transport/index.ts";

/** How a viewer is connected. */
export type Kind = "websocket" | "tcp" | "udp";

/** Where a site is, on 127.0.0.1. */
export interface SiteAddress {
  readonly name: string;
  readonly http: number;
  readonly udp: number;
}

/** A site's address as sites tell it to viewers. */
export function linkUrl({ http }: SiteAddress): string {
  return `ws://127.0.0.1:${http}${LINK_PATH}`;
}

/** Connects to sites, over one transport, by the addresses that sites tell to viewers. */
export interface Dialler extends AsyncDisposable {
  dial(url: string): Promise<Connection>;
}

/** Opens what a viewer of that kind dials with; a datagram viewer has a socket of its own. */
export async function openDialler(
  kind: Kind,
  sites: readonly SiteAddress[],
  clock: Clock,
): Promise<Dialler> {
  const siteOf = (url: string): SiteAddress => {
    const site = sites.find((each) => linkUrl(each) === url);
    if (site === undefined) throw new Error(`no site has the address ${url}`);
    return site;
  };
  switch (kind) {
    case "websocket": {
      const transport = new WebSocketTransport({ clock });
      return {
        dial: (url) => transport.connect(url),
        [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
      };
    }
    case "tcp": {
      const transport = new TcpTransport({ clock });
      return {
        dial: async (url) => transport.connect(`127.0.0.1:${siteOf(url).http}`),
        [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
      };
    }
    case "udp": {
      const transport = await UdpTransport.open({ host: "127.0.0.1", port: 0, clock, log: SILENT });
      const { modules } = parseStack("frag:udp");
      return {
        dial: async (url) =>
          composeStack(modules, await transport.connect(`127.0.0.1:${siteOf(url).udp}`), { clock }),
        [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
      };
    }
  }
}
