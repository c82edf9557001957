/** G.711 to 16-bit samples, little endian: files of every kind hold those. Exact. */
export function linearOf(bytes: Uint8Array, law: "pcmu" | "pcma"): Uint8Array {
  const samples = new DataView(new ArrayBuffer(bytes.byteLength * 2));
  for (const [index, byte] of bytes.entries()) {
    samples.setInt16(index * 2, law === "pcmu" ? fromMu(byte) : fromA(byte), true);
  }
  return new Uint8Array(samples.buffer);
}

/** ITU-T G.711 table 2. */
function fromMu(byte: number): number {
  const value = ~byte & 0xff;
  const magnitude = ((((value & 15) << 3) + 132) << ((value >> 4) & 7)) - 132;
  return (value & 0x80) === 0 ? magnitude : -magnitude;
}

/** ITU-T G.711 table 1. */
function fromA(byte: number): number {
  const value = byte ^ 0x55;
  const exponent = (value >> 4) & 7;
  const base = ((value & 15) << 4) + 8;
  const magnitude = exponent === 0 ? base : (base + 256) << (exponent - 1);
  return (value & 0x80) === 0 ? -magnitude : magnitude;
}
