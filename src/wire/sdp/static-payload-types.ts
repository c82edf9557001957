/** Payload types with a fixed meaning (RFC 3551 tables 4 and 5): those that need no `a=rtpmap`. */
export const STATIC_PAYLOAD_TYPES: Readonly<
  Record<number, { readonly codec: string; readonly clockRate: number; readonly channels?: number }>
> = {
  0: { codec: "pcmu", clockRate: 8000, channels: 1 },
  3: { codec: "gsm", clockRate: 8000, channels: 1 },
  4: { codec: "g723", clockRate: 8000, channels: 1 },
  5: { codec: "dvi4", clockRate: 8000, channels: 1 },
  6: { codec: "dvi4", clockRate: 16_000, channels: 1 },
  7: { codec: "lpc", clockRate: 8000, channels: 1 },
  8: { codec: "pcma", clockRate: 8000, channels: 1 },
  9: { codec: "g722", clockRate: 8000, channels: 1 },
  10: { codec: "l16", clockRate: 44_100, channels: 2 },
  11: { codec: "l16", clockRate: 44_100, channels: 1 },
  12: { codec: "qcelp", clockRate: 8000, channels: 1 },
  13: { codec: "cn", clockRate: 8000, channels: 1 },
  14: { codec: "mpa", clockRate: 90_000 },
  15: { codec: "g728", clockRate: 8000, channels: 1 },
  16: { codec: "dvi4", clockRate: 11_025, channels: 1 },
  17: { codec: "dvi4", clockRate: 22_050, channels: 1 },
  18: { codec: "g729", clockRate: 8000, channels: 1 },
  25: { codec: "celb", clockRate: 90_000 },
  26: { codec: "jpeg", clockRate: 90_000 },
  28: { codec: "nv", clockRate: 90_000 },
  31: { codec: "h261", clockRate: 90_000 },
  32: { codec: "mpv", clockRate: 90_000 },
  33: { codec: "mp2t", clockRate: 90_000 },
  34: { codec: "h263", clockRate: 90_000 },
};
