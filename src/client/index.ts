/**
 * What a program that talks to a site needs, without the site.
 *
 * @module
 */
export type { TokenRequest } from "../site/access/token-service.ts";
export { trustOf } from "../site/tls/tls-settings.ts";
export { connect } from "./connect.ts";
export { findLocalSite, findLocalToken, type LocalSite, noteLocalSite } from "./local-sites.ts";
export { packageRoot, packageVersion } from "./package-root.ts";
export {
  type PublishSettings,
  SiteClient,
  type SiteCredentials,
  type SiteView,
  type TokenView,
} from "./site-client.ts";
