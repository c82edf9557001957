import { assert, LIMITS, type Random } from "../../base/index.ts";
import {
  type Binding,
  bind,
  freshSalt,
  isAnswerAuthentic,
  isHelloAuthentic,
  makeAnswer,
  makeHello,
} from "./binding.ts";
import { type Cipher, isSameSecret } from "./cipher.ts";
import { HandshakeBudget } from "./handshake-budget.ts";
import type { HandshakeMessage } from "./sealed-unit.ts";

/** Why a hello or an answer was refused. */
export type HandshakeFault =
  | "keyless"
  | "forged"
  | "replayed"
  | "reflected"
  | "old-salt"
  | "greeting-limited";

/** What an {@link Agreement} depends on. */
export interface AgreementPorts {
  readonly cipher: Cipher;
  readonly random: Random;
  /** The session's secret; undefined until it is known. */
  readonly secret: () => Uint8Array | undefined;
  /** Shared by the connections of a site. */
  readonly budget: HandshakeBudget | undefined;
  /** Hands a hello or an answer to the layer below. */
  send(unit: Uint8Array): void;
}

/** Bound of unconfirmed keys at once, of our hello and of those of the peer each. */
const UNHEARD_MAX = 4;

/** Unconfirmed keys: nothing sealed with them has arrived yet. */
interface Unheard {
  readonly binding: Binding;
  /** Our answer to a hello of the peer; undefined: the hello was ours. */
  readonly answer: Uint8Array | undefined;
}

/**
 * How two ends agree on keys that are fresh for both, and on new ones when either was restarted. [S34]-[S37]
 *
 * An end with something to send sends a hello with a new salt; the peer answers with a fresh salt of its own for that
 * hello. Keys are derived from both. An answer proves that its sender is live; the first sealed unit proves the same of
 * the sender of the hello. Only then the earlier keys end, so replaying a hello recorded long ago changes nothing.
 */
export class Agreement {
  readonly #ports: AgreementPorts;
  readonly #options: { readonly unitsMax: number; readonly isOrdered: boolean };
  readonly #budget = new HandshakeBudget(LIMITS.handshakesPerConnection);
  /** Salt of our hello, until its keys are confirmed. */
  #helloSalt: Uint8Array | undefined;
  #helloSentAt = Number.NEGATIVE_INFINITY;
  /** In the order in which they were made. */
  #unheard: readonly Unheard[] = [];
  /** Heard. */
  #current: Binding | undefined;
  #unheardGone = 0;

  constructor(
    ports: AgreementPorts,
    options: { readonly unitsMax: number; readonly isOrdered: boolean },
  ) {
    this.#ports = ports;
    this.#options = options;
  }

  /** What to seal with. */
  get sending(): Binding | undefined {
    return this.#unheard.findLast(isOwn)?.binding ?? this.#current;
  }

  /** Keys that were made and never used. */
  get unheardGone(): number {
    return this.#unheardGone;
  }

  /** What opens units with that key id. */
  find(id: number): Binding | "reflected" | "old-salt" {
    for (const each of this.#live()) if (each.opener.id === id) return each;
    for (const each of this.#live()) if (each.sealer.id === id) return "reflected";
    return "old-salt";
  }

  /** Sends a hello, or repeats it when that is due. */
  sendHello(nowMs: number): void {
    const secret = this.#ports.secret();
    // A little less than the time between hellos, which may be what calls this.
    if (secret === undefined || nowMs - this.#helloSentAt < LIMITS.requestRetryMs * 0.9) return;
    this.#helloSentAt = nowMs;
    this.#helloSalt ??= freshSalt(this.#ports.random);
    this.#ports.send(makeHello(this.#ports.cipher, secret, this.#helloSalt));
  }

  /** A hello arrived: answers it. */
  receiveHello(hello: HandshakeMessage, nowMs: number): HandshakeFault | undefined {
    const { cipher, random, send } = this.#ports;
    const secret = this.#ports.secret();
    if (secret === undefined) return "keyless";
    const { salt } = hello;
    if (this.#isOurs(salt)) return "reflected";
    const known = this.#unheard.find(({ binding }) => isSameSecret(binding.helloSalt, salt));
    if (known?.answer !== undefined) {
      send(known.answer);
      return undefined;
    }
    if (this.#current !== undefined && isSameSecret(this.#current.peerSalt, salt))
      return "replayed";
    if (!this.#mayLook(nowMs)) return "greeting-limited";
    if (!isHelloAuthentic(cipher, secret, hello)) return "forged";
    // [S36] Both sent a hello at once: the smaller salt is used, and the other end answers it.
    if (this.#helloSalt !== undefined && isSmaller(this.#helloSalt, salt)) {
      send(makeHello(cipher, secret, this.#helloSalt));
      return undefined;
    }
    const peer = salt.slice();
    const own = freshSalt(random);
    const binding = bind(cipher, secret, { own, peer, sentHello: false }, this.#options);
    const answer = makeAnswer(cipher, secret, own, peer);
    this.#add({ binding, answer });
    send(answer);
    return undefined;
  }

  /** An answer came. `bound`: there are keys now, or other ones. */
  receiveAnswer(answer: HandshakeMessage, nowMs: number): HandshakeFault | "bound" | undefined {
    const { cipher } = this.#ports;
    const secret = this.#ports.secret();
    if (secret === undefined) return "keyless";
    const { salt, echo } = answer;
    if (this.#isOurs(salt)) return "reflected";
    const own = this.#helloSalt;
    if (own === undefined || !isSameSecret(own, echo)) {
      return this.#current !== undefined && isSameSecret(this.#current.ownSalt, echo)
        ? "replayed"
        : "old-salt";
    }
    const isKnown = ({ binding }: Unheard): boolean => isSameSecret(binding.peerSalt, salt);
    if (this.#unheard.some(isKnown)) return undefined;
    if (!this.#mayLook(nowMs)) return "greeting-limited";
    if (!isAnswerAuthentic(cipher, secret, answer)) return "forged";
    const salts = { own, peer: salt.slice(), sentHello: true };
    this.#add({ binding: bind(cipher, secret, salts, this.#options), answer: undefined });
    return "bound";
  }

  /** Something sealed with these keys came for the first time. Those that were before end. */
  heard(binding: Binding): void {
    const at = this.#unheard.findIndex((each) => each.binding === binding);
    const taken = this.#unheard[at];
    assert(taken !== undefined, "keys are confirmed once");
    binding.heard = true;
    this.#current = binding;
    const kept = this.#unheard.filter((each, index) => {
      // Later offers stay: what arrived may be the last of a process that was restarted since.
      if (!isOwn(each)) return index > at;
      // [S36] When both ends sent a hello, both may have been answered, and each may confirm the other's keys first:
      // the smaller salt is used.
      return !isOwn(taken) && isSmaller(each.binding.helloSalt, binding.helloSalt);
    });
    this.#unheardGone += this.#unheard.length - 1 - kept.length;
    this.#unheard = kept;
    if (!kept.some(isOwn)) this.#helloSalt = undefined;
  }

  #add(unheard: Unheard): void {
    const isSameKind = (each: Unheard): boolean => isOwn(each) === isOwn(unheard);
    const same = this.#unheard.filter(isSameKind);
    const oldest = same.length >= UNHEARD_MAX ? same[0] : undefined;
    if (oldest !== undefined) this.#unheardGone++;
    this.#unheard = [...this.#unheard.filter((each) => each !== oldest), unheard];
  }

  *#live(): Generator<Binding> {
    if (this.#current !== undefined) yield this.#current;
    for (const { binding } of this.#unheard) yield binding;
  }

  #isOurs(salt: Uint8Array): boolean {
    if (this.#helloSalt !== undefined && isSameSecret(this.#helloSalt, salt)) return true;
    for (const { ownSalt } of this.#live()) if (isSameSecret(ownSalt, salt)) return true;
    return false;
  }

  #mayLook(nowMs: number): boolean {
    return this.#budget.take(nowMs) && (this.#ports.budget?.take(nowMs) ?? true);
  }
}

/** Whether the hello was ours. */
function isOwn({ answer }: Unheard): boolean {
  return answer === undefined;
}

function isSmaller(left: Uint8Array, right: Uint8Array): boolean {
  for (let at = 0; at < left.byteLength; at++) {
    const difference = (left[at] as number) - (right[at] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
