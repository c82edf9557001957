import { LIMITS } from "../../base/index.ts";
import {
  decodeHeader,
  encodeHeader,
  FLAG,
  HEADER_BYTES,
  type Header,
  KIND,
  kindOf,
  lengthOf,
} from "../../wire/index.ts";
import type { Module, ModulePorts, ModuleSpec } from "../module.ts";
import { Reassembly } from "./reassembly.ts";

/** Bytes of the header of a fragment that stands behind the packet header: message u32, index u16, count u16. [S21] */
export const FRAG_HEADER_BYTES = 8;

const OVERHEAD = HEADER_BYTES + FRAG_HEADER_BYTES;

/**
 * Splits packets that do not fit the network's packet, and puts them together again. A packet that fits passes
 * unchanged. docs/spec/stack.md [S20]-[S26].
 */
export const fragModule: ModuleSpec = {
  name: "frag",
  about: "splits packets larger than mtu",
  parameters: {
    mtu: {
      kind: "bytes",
      min: 576,
      max: LIMITS.datagramBytesMax,
      default: LIMITS.linkDatagramBytes,
      about: "largest packet handed to the transport, bytes",
    },
  },
  local: false,
  provides: ["any-size", "splits"],
  requires: [],
  create({ mtu }, { maxBytes, overheadBytes }, ports) {
    return new Frag(Math.min(Number(mtu) - overheadBytes, maxBytes), ports);
  },
};

class Frag implements Module {
  readonly maxBytes: number;
  readonly #mtu: number;
  readonly #ports: Pick<ModulePorts, "up" | "down">;
  readonly #reassembly = new Reassembly();
  #message = 0;
  #packetsSplit = 0;
  #fragmentsSent = 0;

  /** @param mtu largest packet handed down, bytes */
  constructor(mtu: number, ports: Pick<ModulePorts, "up" | "down">) {
    this.#mtu = mtu;
    this.#ports = ports;
    this.maxBytes = Math.min(LIMITS.packetBytesMax, LIMITS.fragmentsMax * (mtu - OVERHEAD));
  }

  down(packet: Uint8Array): boolean {
    // A fragment from above would be taken for one of ours, so it travels inside one of ours. [S22]
    if (packet.byteLength <= this.#mtu && kindOf(packet) !== KIND.fragment) {
      return this.#ports.down(packet);
    }
    const header = decodeHeader(packet);
    if (typeof header === "string" || packet.byteLength > this.maxBytes) return false;
    const count = Math.ceil(packet.byteLength / (this.#mtu - OVERHEAD));
    const sliceBytes = Math.ceil(packet.byteLength / count);
    const message = this.#message;
    this.#message = (message + 1) >>> 0;
    this.#packetsSplit++;
    this.#fragmentsSent += count;
    for (let index = 0; index < count; index++) {
      const slice = packet.subarray(index * sliceBytes, (index + 1) * sliceBytes);
      // After the first refusal the rest of the packet would be of no use. [S12]
      if (!this.#ports.down(encodeFragment(header, { message, index, count }, slice))) return false;
    }
    return true;
  }

  up(packet: Uint8Array, nowMs: number): void {
    if (kindOf(packet) !== KIND.fragment) {
      this.#ports.up(packet);
      return;
    }
    const whole = this.#reassembly.push(packet.subarray(0, lengthOf(packet)), nowMs);
    if (whole !== undefined) this.#ports.up(whole);
  }

  stats(): Readonly<Record<string, number>> {
    return {
      "packets-split": this.#packetsSplit,
      "fragments-sent": this.#fragmentsSent,
      ...this.#reassembly.stats,
    };
  }
}

function encodeFragment(
  header: Header,
  {
    message,
    index,
    count,
  }: { readonly message: number; readonly index: number; readonly count: number },
  slice: Uint8Array,
): Uint8Array {
  const length = OVERHEAD + slice.byteLength;
  const fragment = new Uint8Array(length);
  const flags = (index === 0 ? FLAG.begin : 0) | (index === count - 1 ? FLAG.end : 0);
  encodeHeader({ ...header, kind: KIND.fragment, flags, length }, fragment);
  const view = new DataView(fragment.buffer, HEADER_BYTES, FRAG_HEADER_BYTES);
  view.setUint32(0, message, true);
  view.setUint16(4, index, true);
  view.setUint16(6, count, true);
  fragment.set(slice, OVERHEAD);
  return fragment;
}
