/** Names of one's own machine: a site that listens there is the same under each. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
/** Time for the page's own site to answer, ms. */
const ANSWER_MS_MAX = 5_000;

/** Where a site listens, as its session says. */
interface NamedSite {
  readonly http: { readonly host: string; readonly port: number };
}

/**
 * Whether a token may be shown at all these addresses: each is the page's own site, or one that its session names. A
 * link can name any address, and a token must not follow it there. Only the page's own site is asked. [A29]
 *
 * @param urls addresses of links, as of `linkUrlsOf`
 * @param origin of the page
 */
export async function isTokenFor(
  urls: readonly string[],
  origin: string,
  token: string,
): Promise<boolean> {
  const own = placeOf(new URL(origin));
  const others = urls.map((url) => placeOf(new URL(url))).filter((place) => place !== own);
  if (others.length === 0) return true;
  const named = new Set((await namedSites(origin, token)).map(placeOfSite));
  return others.every((place) => named.has(place));
}

async function namedSites(origin: string, token: string): Promise<readonly NamedSite[]> {
  try {
    const response = await fetch(`${origin}/api/session`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
    });
    const body: { sites?: readonly NamedSite[] } = response.ok ? await response.json() : {};
    return (body.sites ?? []).filter(({ http }) => typeof http?.host === "string");
  } catch {
    return [];
  }
}

function placeOfSite({ http: { host, port } }: NamedSite): string {
  return placeOf(new URL(`http://${host.includes(":") ? `[${host}]` : host}:${port}`));
}

/** Host and port, whatever the scheme. */
function placeOf({ hostname, port, protocol }: URL): string {
  const usual = protocol === "https:" || protocol === "wss:" ? "443" : "80";
  const host = LOOPBACK.test(hostname) ? "localhost" : hostname.toLowerCase();
  return `${host}:${port === "" ? usual : port}`;
}
