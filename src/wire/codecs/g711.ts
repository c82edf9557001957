/** G.711 (ITU-T G.711): eight logarithmic bits per sample, as `PCMU` and `PCMA` of RFC 3551 §4.5.14 carry them. */

const MU_LAW_BIAS = 0x84;
const TABLES = { pcmu: tableOf(muLawSample), pcma: tableOf(aLawSample) } as const;

/** The linear samples of G.711, -32124..32124 (PCMU) or -32256..32256 (PCMA); channels as interleaved as they were. */
export function decodeG711(bytes: Uint8Array, codec: "pcmu" | "pcma"): Int16Array<ArrayBuffer> {
  const table = TABLES[codec];
  const samples = new Int16Array(bytes.byteLength);
  for (let at = 0; at < samples.length; at++) {
    samples[at] = table[bytes[at] as number] as number;
  }
  return samples;
}

function tableOf(sampleOf: (byte: number) => number): Int16Array {
  return Int16Array.from({ length: 256 }, (_, byte) => sampleOf(byte));
}

/** All bits are inverted: sign, three bits of segment, four of position in it. */
function muLawSample(byte: number): number {
  const code = ~byte & 0xff;
  const magnitude = ((((code & 15) << 3) + MU_LAW_BIAS) << ((code >> 4) & 7)) - MU_LAW_BIAS;
  return (code & 0x80) === 0 ? magnitude : -magnitude;
}

/** Every other bit is inverted; a set sign bit is positive. */
function aLawSample(byte: number): number {
  const code = byte ^ 0x55;
  const segment = (code >> 4) & 7;
  const position = ((code & 15) << 4) + 8;
  const magnitude = segment === 0 ? position : (position + 0x100) << (segment - 1);
  return (code & 0x80) === 0 ? -magnitude : magnitude;
}
