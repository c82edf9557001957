/**
 * `TextEncoder` and `TextDecoder` for agents. Those of the platform carry what their native parts trust as properties
 * that anybody can change: with another value there, decoding ends the whole process. Here the platform's object is
 * private, gets nothing but values that it accepts, and its errors become those of the language.
 *
 * @module
 */

import { bytesIn, typedArrayName } from "../../wire/index.ts";

interface DecoderOptions {
  readonly fatal?: boolean;
  readonly ignoreBOM?: boolean;
}

/** As the platform's. */
class ConfinedTextDecoder {
  readonly #decoder: InstanceType<typeof TextDecoder>;

  constructor(label: unknown = "utf-8", options: DecoderOptions = {}) {
    const name = String(label);
    const fatal = Boolean(options?.fatal);
    const ignoreBOM = Boolean(options?.ignoreBOM);
    this.#decoder = ofLanguage(
      () => new TextDecoder(name, { fatal, ignoreBOM }),
      () => new RangeError(`${JSON.stringify(name.slice(0, 40))} is no encoding that is known`),
    );
  }

  get encoding(): string {
    return this.#decoder.encoding;
  }

  get fatal(): boolean {
    return this.#decoder.fatal;
  }

  get ignoreBOM(): boolean {
    return this.#decoder.ignoreBOM;
  }

  decode(input?: unknown, options: { readonly stream?: boolean } = {}): string {
    const stream = Boolean(options?.stream);
    const bytes = input === undefined ? new Uint8Array(0) : bytesOf(input);
    return ofLanguage(
      () => this.#decoder.decode(bytes, { stream }),
      () => new TypeError(`the bytes are not ${this.#decoder.encoding}`),
    );
  }

  get [Symbol.toStringTag](): string {
    return "TextDecoder";
  }
}

/** As the platform's. */
class ConfinedTextEncoder {
  get encoding(): string {
    return "utf-8";
  }

  encode(input: unknown = ""): Uint8Array {
    // A copy: the platform's may be a part of memory that others use, too.
    return new Uint8Array(encoder.encode(String(input)));
  }

  encodeInto(
    source: unknown,
    target: unknown,
  ): { readonly read: number; readonly written: number } {
    const text = String(source);
    const bytes = typeof target === "object" && target !== null ? bytesIn(target) : undefined;
    if (bytes === undefined || typedArrayName(target as object) !== "Uint8Array")
      throw new TypeError("text is encoded into a Uint8Array");
    const { read, written } = encoder.encodeInto(text, bytes);
    return { read, written };
  }

  get [Symbol.toStringTag](): string {
    return "TextEncoder";
  }
}

const encoder = new TextEncoder();

/** What decoders take. */
function bytesOf(input: unknown): Uint8Array {
  const bytes = typeof input === "object" && input !== null ? bytesIn(input) : undefined;
  if (bytes !== undefined) return bytes;
  throw new TypeError("what is decoded is an ArrayBuffer, or a view of one");
}

/** Runs a part of the platform; its errors carry what is not the language's. */
function ofLanguage<T>(action: () => T, error: () => Error): T {
  try {
    return action();
  } catch {
    throw error();
  }
}

/** By name. The thread is locked down; nothing of them can be changed then. */
export function textCodecs(): { readonly TextDecoder: unknown; readonly TextEncoder: unknown } {
  return harden(CODECS);
}

const CODECS = {
  TextDecoder: named("TextDecoder", ConfinedTextDecoder),
  TextEncoder: named("TextEncoder", ConfinedTextEncoder),
};

function named<T extends object>(name: string, type: T): T {
  return Object.defineProperty(type, "name", { value: name });
}
