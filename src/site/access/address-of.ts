/** The IP address alone of `127.0.0.1:7000`, `[::1]:7000`, or of an IPv4-mapped IPv6 address. */
export function addressOf(address: string): string {
  const [, bracketed, bare] = /^(?:\[(.*)\]|([^:]*)):\d+$/.exec(address) ?? [];
  return (bracketed ?? bare ?? address).replace(/^::ffff:/, "");
}
