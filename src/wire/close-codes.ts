/**
 * WebSocket close code (RFC 6455 §7.4.2, private use) of a link whose page has an origin that the site does not allow.
 */
export const ORIGIN_REFUSED_CLOSE = 4403;
