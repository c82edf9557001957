/** Samples at 48 kHz in a frame, by the configuration in a packet's first byte (RFC 6716 §3.1 table 2). */
const SILK = [480, 960, 1_920, 2_880];
const HYBRID = [480, 960];
const CELT = [120, 240, 480, 960];
const RATE = 48_000;
/** 120 ms, the longest packet (§3.2.5 [R5]). */
const SAMPLES_MAX = 5_760;

/** How long an Opus packet lasts, s. */
export function opusSeconds(packet: Uint8Array): number {
  const first = packet[0] ?? 0;
  const configuration = first >> 3;
  const samples =
    configuration < 12
      ? SILK[configuration % 4]
      : configuration < 16
        ? HYBRID[configuration % 2]
        : CELT[configuration % 4];
  const code = first & 3;
  const count = code === 0 ? 1 : code === 3 ? (packet[1] ?? 0) & 63 : 2;
  return Math.min(SAMPLES_MAX, (samples as number) * Math.max(1, count)) / RATE;
}
