import type { SiteRecord } from "../session/index.ts";
import { formatAddress, LINK_PATH } from "../transport/index.ts";

/** A site's address: `http://127.0.0.1:7000`, or `https:` where it speaks TLS. */
export function siteUrlOf({ http, tls }: Pick<SiteRecord, "http" | "tls">): string {
  const scheme = tls === undefined ? "http" : "https";
  return `${scheme}://${formatAddress(http.host, http.port)}`;
}

/** Where viewers and sites connect: `ws://127.0.0.1:7000/link`. */
export function linkUrlOf(site: Pick<SiteRecord, "http" | "tls">): string {
  return `${siteUrlOf(site).replace(/^http/, "ws")}${LINK_PATH}`;
}
