/** NTP timestamps of sender reports (RFC 3550 §4) against ms since 1970. */

const SECONDS_1900_TO_1970 = 2_208_988_800;
const TWO_32 = 0x1_0000_0000;

/**
 * Milliseconds since 1970, with fractions.
 *
 * The 32 bits of seconds run over in 2036; values of their lower half count from then (RFC 4330 §3), so 1968 to 2104 is
 * covered.
 */
export function ntpToMs(seconds: number, fraction: number): number {
  const sinceEra = seconds < TWO_32 / 2 ? seconds + TWO_32 : seconds;
  return (sinceEra - SECONDS_1900_TO_1970) * 1000 + (fraction * 1000) / TWO_32;
}

/** The inverse of {@link ntpToMs}, to the precision of a double. Both parts are u32. */
export function msToNtp(ms: number): { seconds: number; fraction: number } {
  const whole = Math.floor(ms / 1000);
  const fraction = Math.round(((ms - whole * 1000) * TWO_32) / 1000);
  const carry = fraction >= TWO_32 ? 1 : 0;
  return { seconds: (whole + SECONDS_1900_TO_1970 + carry) >>> 0, fraction: fraction >>> 0 };
}
