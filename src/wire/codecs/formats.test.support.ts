import { encodeLeb128 } from "./av1-obu.ts";

/** NAL units behind start codes of four bytes. */
export const annexB = (nals: readonly (readonly number[])[]): Uint8Array =>
  Uint8Array.from(nals.flatMap((each) => [0, 0, 0, 1, ...each]));

/** An OBU of AV1 with its size, and an extension where it has a layer. */
export const obu = (type: number, payload: readonly number[], layer?: number): number[] => {
  const size = [...encodeLeb128(payload.length)];
  const head = (type << 3) | 2;
  return layer === undefined ? [head, ...size, ...payload] : [head | 4, layer, ...size, ...payload];
};
