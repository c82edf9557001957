/**
 * What a program that talks to a site needs, without the site.
 *
 * @module
 */
export { connect } from "./connect.ts";
export { findLocalSite, findLocalToken, type LocalSite, noteLocalSite } from "./local-sites.ts";
export { messageSocketOf } from "./message-sockets.ts";
export { packageRoot, packageVersion } from "./package-root.ts";
export {
  flagOf,
  type PolicyOption,
  READY_POLICIES,
  type ReadyPolicy,
  readyPolicy,
} from "./policies/index.ts";
export {
  type PublishSettings,
  SiteClient,
  type SiteCredentials,
  type TokenView,
} from "./site-client.ts";
export { linkUrlOf, siteUrlOf } from "./site-url.ts";
export { trustOf } from "./tls-trust.ts";
