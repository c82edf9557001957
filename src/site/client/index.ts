/**
 * What a program that talks to a site needs, without the site.
 *
 * @module
 */
export { connect } from "./connect.ts";
export { packageRoot, packageVersion } from "./package-root.ts";
export { type PublishSettings, SiteClient, type SiteView } from "./site-client.ts";
