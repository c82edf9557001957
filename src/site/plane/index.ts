/**
 * The thread of the plane, for programs that start it before they load the site.
 *
 * @module
 */
export { PlaneThread } from "./plane-thread.ts";
