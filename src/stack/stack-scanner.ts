import { LIMITS } from "../base/index.ts";
import { StackError } from "./stack-error.ts";

/** A piece of the text and where it starts; the first column is 1. */
export interface Word {
  readonly text: string;
  readonly column: number;
}

/** One layer as written: nothing of it is known to exist yet. */
export interface WrittenLayer {
  readonly name: Word;
  readonly parameters: readonly { readonly key: Word; readonly value: Word | undefined }[];
}

const NAME = /[a-z][a-z0-9-]*/y;
/** Colons are in IPv6 addresses of groups only: elsewhere one would belong to the layer below. */
const VALUE = /[Ff]{2}[0-9A-Fa-f]{2}:[0-9A-Fa-f:.]*|[A-Za-z0-9.%-]+/y;

/**
 * [S1]-[S5] Takes a stack string apart.
 *
 * @throws {StackError} `stack-syntax`
 */
export function scanStack(text: string): WrittenLayer[] {
  if (text.length > LIMITS.stackTextMax) {
    throw new StackError("stack-syntax", `the stack has ${text.length} characters`, {
      text,
      column: LIMITS.stackTextMax + 1,
      expected: `at most ${LIMITS.stackTextMax}`,
    });
  }
  return new Scanner(text).stack();
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  stack(): WrittenLayer[] {
    const layers: WrittenLayer[] = [];
    do {
      if (layers.length === LIMITS.stackLayersMax) {
        this.#fail("too many layers", `at most ${LIMITS.stackLayersMax}`);
      }
      layers.push(this.#layer());
    } while (this.#take(":"));
    if (this.#peek() !== undefined) {
      this.#fail(this.#found(), "a colon and the layer below, or the end");
    }
    return layers;
  }

  #layer(): WrittenLayer {
    const name = this.#word(NAME, "the name of a module or transport in lower case");
    const parameters: { key: Word; value: Word | undefined }[] = [];
    if (!this.#take("(")) return { name, parameters };
    if (this.#take(")")) return { name, parameters };
    do {
      const key = this.#word(NAME, "the name of a parameter in lower case");
      const value = this.#take("=")
        ? this.#word(VALUE, "a value such as 1400, 64K, 5ms")
        : undefined;
      parameters.push({ key, value });
    } while (this.#take(","));
    if (!this.#take(")")) this.#fail(this.#found(), "a comma and another parameter, or )");
    return { name, parameters };
  }

  #word(pattern: RegExp, expected: string): Word {
    this.#skipSpace();
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return this.#fail(this.#found(), expected);
    const word = { text: match[0], column: this.#at + 1 };
    this.#at += match[0].length;
    return word;
  }

  #take(sign: string): boolean {
    if (this.#peek() !== sign) return false;
    this.#at++;
    return true;
  }

  #peek(): string | undefined {
    this.#skipSpace();
    return this.#text[this.#at];
  }

  #skipSpace(): void {
    while (this.#text[this.#at] === " ") this.#at++;
  }

  #found(): string {
    const sign = this.#peek();
    return sign === undefined ? "the stack ends here" : `found ${JSON.stringify(sign)}`;
  }

  #fail(what: string, expected: string): never {
    throw new StackError("stack-syntax", what, {
      text: this.#text,
      column: this.#at + 1,
      expected,
    });
  }
}
