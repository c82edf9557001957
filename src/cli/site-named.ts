import type { Command } from "commander";
import { MeanderError } from "../base/index.ts";
import { SiteClient } from "../client/index.ts";
import { type Address, type SiteRecord, siteNameSchema } from "../session/index.ts";
import { clientOf, defaultSite, type SiteArguments } from "./arguments.ts";
import { credentialsOf } from "./credentials.ts";

/** A site of the session, and its client. */
export interface NamedSite {
  readonly record: SiteRecord;
  readonly client: SiteClient;
}

/** The site of that name in the session of the one that `--site` names. @throws {MeanderError} `site-unknown` */
export async function siteNamed(options: SiteArguments, name: string): Promise<NamedSite> {
  const { sites } = await clientOf(options).session();
  const record = sites.find((each) => each.name === name);
  if (record !== undefined) return { record, client: clientAt(options, record) };
  throw new MeanderError("site-unknown", "no site of the session has that name", {
    where: `site ${name}`,
    expected: `one of ${sites.map((each) => each.name).join(", ")}`,
  });
}

/**
 * Replaces names that were given for `--site` by the addresses of those sites in the session at the default address.
 *
 * @throws {MeanderError} `site-unknown`
 */
export async function resolveSiteName(command: Command): Promise<void> {
  const options = command.opts<SiteArguments & { readonly site: string | readonly string[] }>();
  const given = [options.site].flat();
  if (!given.some(isSiteName)) return;
  const askedAt = defaultSite();
  const addresses: string[] = [];
  for (const each of given) {
    if (!isSiteName(each)) {
      addresses.push(each);
      continue;
    }
    const { http, tls } = (await siteNamed({ ...options, site: askedAt }, each)).record;
    addresses.push(urlOf(http, tls !== undefined));
    // Of several sites, each with a certificate of its own, one fingerprint says nothing.
    if (tls !== undefined && given.length === 1 && !isTold(options))
      command.setOptionValue("fingerprint", tls.fingerprint);
  }
  command.setOptionValue("site", typeof options.site === "string" ? addresses[0] : addresses);
  command.setOptionValue("askedAt", askedAt);
}

function isSiteName(text: string): boolean {
  return siteNameSchema.safeParse(text).success;
}

function isTold({ ca, fingerprint }: SiteArguments): boolean {
  return ca !== undefined || fingerprint !== undefined;
}

/** The client of another site of the session: the token is the same, and the session has its fingerprint. */
export function clientAt(options: SiteArguments, { http, tls }: SiteRecord): SiteClient {
  const { token } = credentialsOf(options.site, options);
  return new SiteClient(urlOf(http, tls !== undefined), { token, trust: tls });
}

/** The address of a site's HTTP port. */
export function urlOf({ host, port }: Address, isSecure = false): string {
  return `${isSecure ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
