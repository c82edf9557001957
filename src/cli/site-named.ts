import { MeanderError } from "../base/index.ts";
import type { Endpoint, SiteRecord } from "../session/index.ts";
import { SiteClient } from "../site/client/index.ts";
import { clientOf, type SiteArguments } from "./arguments.ts";

/** A site of the session, and its client. */
export interface NamedSite {
  readonly record: SiteRecord;
  readonly client: SiteClient;
}

/** The site of that name in the session of the one that `--site` names. @throws {MeanderError} `site-unknown` */
export async function siteNamed(options: SiteArguments, name: string): Promise<NamedSite> {
  const { sites } = await clientOf(options).session();
  const record = sites.find((each) => each.name === name);
  if (record !== undefined) return { record, client: new SiteClient(urlOf(record.http)) };
  throw new MeanderError("site-unknown", "no site of the session has that name", {
    where: `site ${name}`,
    expected: `one of ${sites.map((each) => each.name).join(", ")}`,
  });
}

/** The address of a site's HTTP port. */
export function urlOf({ host, port }: Endpoint): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
