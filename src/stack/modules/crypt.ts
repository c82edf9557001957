import { assert, type Cancel, Counters, LIMITS, MeanderError } from "../../base/index.ts";
import { KIND, kindOf, splitPackets } from "../../wire/index.ts";
import { Agreement } from "../crypt/agreement.ts";
import type { Binding } from "../crypt/binding.ts";
import { TAG_BYTES } from "../crypt/cipher.ts";
import { sealIdOf } from "../crypt/seal.ts";
import {
  areWholePackets,
  decodeHandshake,
  FORM,
  formOf,
  openPacket,
  openText,
  RECORD_BYTES_MAX,
  sealConfirm,
  sealPacket,
  sealRecords,
  UNIT_HEAD_BYTES,
  UNIT_OVERHEAD_BYTES,
} from "../crypt/sealed-unit.ts";
import type { Below, Module, ModulePorts, ModuleSpec } from "../module.ts";

/** How often held packets are looked at again, ms. */
const RETRY_MS = 20;
/** How long a datagram connection that is closed waits for keys, ms: two handshakes. */
const DRAIN_MS = 2 * LIMITS.requestRetryMs;
/** Units with unknown keys, and none with known ones, for this long: the two ends have lost each other, ms. */
const LOST_MS = 250;
/**
 * A write that leaves less than this of the bound of what is held is still accepted, bytes: a packet and what sealing
 * adds.
 */
const MARGIN_BYTES = LIMITS.packetBytesMax + 1;

/**
 * Keeps packets private and authentic between those who know the session's secret. docs/spec/stack.md [S30]-[S39]
 */
export const cryptModule: ModuleSpec = {
  name: "crypt",
  about: "encrypts and authenticates (AES-128-GCM)",
  parameters: {
    renew: {
      kind: "count",
      min: 16,
      max: LIMITS.sealedUnitsMax,
      default: LIMITS.sealedUnitsMax,
      about: "units after which a key is used up",
    },
  },
  local: false,
  provides: ["private"],
  requires: [],
  // On top of what splits packets, one unit would be in several datagrams, and none of them decodes alone.
  refuses: ["splits"],
  overheadBytes: UNIT_OVERHEAD_BYTES,
  coalesces: true,
  talks: true,
  create({ renew }, below, ports) {
    return new Crypt(Number(renew), below, ports);
  },
};

class Crypt implements Module {
  readonly maxBytes: number;
  readonly #ports: ModulePorts;
  readonly #isOrdered: boolean;
  readonly #coalesces: boolean;
  readonly #heldMax: number;
  readonly #agreement: Agreement;
  /** Left in the key when other ones are looked for. */
  readonly #renewAt: number;
  readonly #counts = new Counters();
  /** Packets for which there are no keys yet. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #heldAt = 0;
  /** Sealed, and refused by the layer below: its numbers are used, so it goes first, as it is. */
  #stuck: Uint8Array[] = [];
  /** The beginning of packets that go on in the next record. */
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #cancelRetry: Cancel | undefined;
  #cancelDrain: Cancel | undefined;
  #drained: (() => void) | undefined;
  #hasEnded = false;
  /** When something was opened last, ms. */
  #openedAt = 0;

  constructor(unitsMax: number, below: Below, ports: ModulePorts) {
    const { cipher, random, secret } = ports;
    assert(
      cipher !== undefined && random !== undefined && secret !== undefined,
      "crypt needs a cipher, chance and a secret",
    );
    this.#ports = ports;
    this.#isOrdered = below.reliable;
    this.#coalesces = below.coalesces;
    this.#heldMax = below.reliable ? LIMITS.backlogBytesMax - MARGIN_BYTES : LIMITS.unboundBytesMax;
    this.maxBytes = this.#maxBytes(below);
    this.#renewAt = Math.floor(unitsMax / 8);
    this.#agreement = new Agreement(
      {
        cipher,
        random,
        secret,
        budget: ports.handshakes,
        send: (unit) => {
          this.#counts.add("greetings-sent");
          ports.down(unit);
        },
      },
      { unitsMax, isOrdered: below.reliable },
    );
  }

  down(packets: Uint8Array, nowMs: number): boolean {
    if (this.#hasEnded) return false;
    const { sending } = this.#agreement;
    if (sending !== undefined && this.#held.length === 0 && this.#stuck.length === 0) {
      const needsKeys = sending.sealer.left < this.#renewAt;
      if (needsKeys || (!sending.heard && !this.#isOrdered)) this.#agreement.sendHello(nowMs);
      const sealed = this.#seal(sending, packets);
      if (sealed !== undefined) return this.#emit(sealed, nowMs);
    }
    if (this.#stuck.length > 0 || this.#heldBytes + packets.byteLength > this.#heldMax) {
      this.#counts.add("held-full");
      return false;
    }
    if (this.#held.push(packets) === 1) this.#heldAt = nowMs;
    this.#heldBytes += packets.byteLength;
    this.#agreement.sendHello(nowMs);
    this.#retryLater();
    return true;
  }

  up(unit: Uint8Array, nowMs: number): void {
    if (this.#hasEnded) return;
    if (kindOf(unit) !== KIND.sealed) {
      this.#refuse("plain");
      return;
    }
    const form = formOf(unit);
    switch (form) {
      case FORM.hello:
      case FORM.answer:
        this.#receiveHandshake(form, unit, nowMs);
        return;
      case FORM.packet:
      case FORM.record:
      case FORM.part:
      case FORM.confirm:
        this.#open(form, unit, nowMs);
        return;
      default:
        this.#refuse("malformed");
    }
  }

  stats(): Readonly<Record<string, number>> {
    return { ...this.#counts.toJSON(), "keys-unused": this.#agreement.unheardGone };
  }

  held(nowMs: number): { readonly bytes: number; readonly oldestMs: number } {
    let bytes = this.#heldBytes;
    for (const each of this.#stuck) bytes += each.byteLength;
    return { bytes, oldestMs: bytes === 0 ? 0 : nowMs - this.#heldAt };
  }

  drain(done: () => void): void {
    this.#drained = done;
    this.#tellDrained();
    if (this.#drained === undefined || this.#isOrdered) return;
    // Datagrams promise nothing, and a new connection to the peer needs the slot.
    this.#cancelDrain = this.#ports.clock.after("crypt drain", DRAIN_MS, () => {
      this.#drained?.();
      this.#drained = undefined;
    });
  }

  ended(): void {
    this.#hasEnded = true;
    this.#cancelRetry?.();
    this.#cancelDrain?.();
    this.#held = [];
    this.#stuck = [];
    this.#parts = [];
    this.#heldBytes = this.#partBytes = 0;
  }

  #maxBytes({ maxBytes, reliable, coalesces }: Below): number {
    if (!reliable) return Math.min(maxBytes, LIMITS.packetBytesMax) - UNIT_OVERHEAD_BYTES;
    if (!coalesces) return LIMITS.packetBytesMax;
    const records = Math.ceil(maxBytes / RECORD_BYTES_MAX);
    return maxBytes - records * (UNIT_HEAD_BYTES + TAG_BYTES);
  }

  #seal({ sealer }: Binding, packets: Uint8Array): Uint8Array | undefined {
    return this.#isOrdered ? sealRecords(sealer, packets) : sealPacket(sealer, packets);
  }

  /** Hands sealed units down. Where nothing may be lost, what is refused now goes later. */
  #emit(units: Uint8Array, nowMs: number): boolean {
    if (!this.#isOrdered) return this.#ports.down(units);
    const pieces = this.#coalesces ? [units] : [...splitPackets(units)];
    const refused = pieces.findIndex((each) => !this.#ports.down(each));
    if (refused >= 0) {
      this.#stuck = pieces.slice(refused);
      this.#heldAt = nowMs;
      this.#retryLater();
    }
    return true;
  }

  /** Sends what waited, as far as there are keys and room. */
  #flush(nowMs: number): void {
    while (this.#stuck.length > 0) {
      if (!this.#ports.down(this.#stuck[0] as Uint8Array)) return;
      this.#stuck.shift();
    }
    const { sending } = this.#agreement;
    const held = this.#held;
    this.#held = [];
    let next = 0;
    for (; next < held.length && sending !== undefined && this.#stuck.length === 0; next++) {
      const packets = held[next] as Uint8Array;
      const sealed = this.#seal(sending, packets);
      if (sealed === undefined) break;
      this.#heldBytes -= packets.byteLength;
      if (!this.#emit(sealed, nowMs)) this.#counts.add("refused-late");
    }
    // Nothing was added meanwhile: sending down never calls upwards.
    this.#held = held.slice(next);
    this.#tellDrained();
  }

  #receiveHandshake(form: number, unit: Uint8Array, nowMs: number): void {
    const hello = decodeHandshake(unit);
    if (hello === undefined) {
      this.#refuse("malformed");
      return;
    }
    const outcome =
      form === FORM.hello
        ? this.#agreement.receiveHello(hello, nowMs)
        : this.#agreement.receiveAnswer(hello, nowMs);
    if (outcome === undefined) return;
    if (outcome !== "bound") {
      // An end without keys, or over its budget, is asked again.
      if (outcome === "keyless" || outcome === "greeting-limited") this.#counts.add(outcome);
      else this.#refuse(outcome);
      return;
    }
    this.#counts.add("keys-agreed");
    const waits = this.#held.length > 0;
    this.#flush(nowMs);
    const { sending } = this.#agreement;
    // The other end may send only when it has received from us.
    if (waits || sending === undefined) return;
    const confirm = sealConfirm(sending.sealer);
    if (confirm !== undefined) this.#emit(confirm, nowMs);
  }

  #open(form: number, unit: Uint8Array, nowMs: number): void {
    if (unit.byteLength < UNIT_HEAD_BYTES + TAG_BYTES) {
      this.#refuse("truncated");
      return;
    }
    const binding = this.#agreement.find(sealIdOf(unit, UNIT_HEAD_BYTES));
    if (typeof binding === "string") {
      this.#refuse(binding);
      // [S37] The other end seems to use other keys: new ones are agreed, and until then the old ones stay.
      if (nowMs - this.#openedAt > LOST_MS && !this.#isOrdered) this.#agreement.sendHello(nowMs);
      return;
    }
    const isPacket = form === FORM.packet;
    const opened = isPacket ? openPacket(binding.opener, unit) : openText(binding.opener, unit);
    if (typeof opened === "string") {
      this.#refuse(opened);
      return;
    }
    this.#openedAt = nowMs;
    if (!binding.heard) {
      this.#agreement.heard(binding);
      this.#counts.add("keys-confirmed");
      this.#flush(nowMs);
    }
    if (isPacket) this.#ports.up(opened);
    else if (form !== FORM.confirm) this.#takeRecord(opened, form === FORM.part);
  }

  #takeRecord(text: Uint8Array, goesOn: boolean): void {
    this.#partBytes += text.byteLength;
    if (!this.#isOrdered || this.#partBytes > LIMITS.batchBytesMax) {
      this.#parts = [];
      this.#partBytes = 0;
      this.#refuse("malformed");
      return;
    }
    if (goesOn) {
      this.#parts.push(text);
      return;
    }
    let packets = text;
    if (this.#parts.length > 0) {
      packets = new Uint8Array(this.#partBytes);
      let at = 0;
      for (const part of [...this.#parts, text]) {
        packets.set(part, at);
        at += part.byteLength;
      }
      this.#parts = [];
    }
    this.#partBytes = 0;
    if (areWholePackets(packets)) this.#ports.up(packets);
    else this.#refuse("malformed");
  }

  /** [S38] Where nothing may be lost, what is refused is missing: the connection ends. */
  #refuse(reason: string): void {
    this.#counts.add(reason);
    if (!this.#isOrdered) return;
    this.#ports.end(
      new MeanderError("seal-refused", `what came was not sealed as it should be (${reason})`, {
        where: this.#ports.peer,
        next: "see that both sites belong to one session",
      }),
    );
  }

  #retryLater(): void {
    this.#cancelRetry ??= this.#ports.clock.after("crypt retry", RETRY_MS, () => {
      this.#cancelRetry = undefined;
      if (this.#hasEnded || (this.#held.length === 0 && this.#stuck.length === 0)) return;
      const now = this.#ports.clock.now();
      this.#flush(now);
      if (this.#held.length === 0 && this.#stuck.length === 0) return;
      this.#agreement.sendHello(now);
      this.#retryLater();
    });
  }

  #tellDrained(): void {
    if (this.#held.length > 0 || this.#stuck.length > 0) return;
    this.#drained?.();
    this.#drained = undefined;
  }
}
