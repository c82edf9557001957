/** Chance, as a parameter. */
export interface Random {
  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number;
  /** From 0 inclusive to 1 exclusive. */
  float(): number;
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number;
}

abstract class RandomBase implements Random {
  abstract uint32(): number;

  float(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  below(limit: number): number {
    return Math.floor(this.float() * limit);
  }
}

/** The same numbers for the same seed (sfc32, seeded by splitmix32). Not for secrets. */
export class SeededRandom extends RandomBase {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    super();
    let state = seed >>> 0;
    const split = (): number => {
      state = (state + 0x9e3779b9) >>> 0;
      let z = state ^ (state >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    this.#a = split();
    this.#b = split();
    this.#c = split();
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }
}

/** The system's cryptographic generator. */
export class SystemRandom extends RandomBase {
  readonly #buffer = new Uint32Array(256);
  #next = 256;

  uint32(): number {
    if (this.#next === this.#buffer.length) {
      crypto.getRandomValues(this.#buffer);
      this.#next = 0;
    }
    return this.#buffer[this.#next++] as number;
  }
}
