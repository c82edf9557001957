/**
 * Bytes to values. Reading runs nothing but this: no constructor, table or cache of a library comes with what is read,
 * and every object of a value is new.
 *
 * @module
 */

import { TYPED_ARRAYS } from "./brands.ts";
import { ByteSource, Malformed } from "./byte-source.ts";

/** Containers within each other; a writer stops at 200 objects. */
const DEPTH_MAX = 500;
const RECORD_FIRST = 0x40;
const RECORDS_MAX = 64;
/** Definitions of records that are remembered: most messages to a site have a few forms. */
const FORMS_MAX = 256;
const BYTES_MAX = 200;

const EXTENSION = { bytes: 0x74, set: 0x73, error: 0x65, pattern: 0x78, bigint: 0x42 } as const;
const RECORD = 0x72;
const MARK = 0x69;
const POINTER = 0x70;
const TIME = 0xff;

const ARRAY_BUFFER = 16;
const DATA_VIEW = 17;

const ERRORS: ReadonlyMap<string, ErrorConstructor> = new Map<string, ErrorConstructor>(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((type) => [
    type.name,
    type as ErrorConstructor,
  ]),
);

/** The keys of a record, and the bytes that they were read from. */
interface Form {
  readonly bytes: Uint8Array;
  readonly keys: readonly string[];
}

/** Remembered definitions, by the start of their bytes; nothing of it is ever given away. */
const forms: (Form | undefined)[] = new Array(FORMS_MAX).fill(undefined);

/** Reads one value, which is all of the bytes. @throws for bytes that are none */
export function readValue(bytes: Uint8Array): unknown {
  return new ValueReader(bytes).readAll();
}

class ValueReader {
  readonly #source: ByteSource;
  readonly #records: (readonly string[] | undefined)[] = [];
  /** Objects that come again, by number. */
  #marked: Map<number, unknown> | undefined;
  /** The number of the object that is about to be read; 0: none. */
  #mark = 0;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#source = new ByteSource(bytes);
  }

  readAll(): unknown {
    const value = this.#read();
    if (this.#source.left > 0) throw new Malformed("more bytes than one value");
    return value;
  }

  #read(): unknown {
    const source = this.#source;
    const token = source.u8();
    if (token < 0x40) return token;
    if (token < 0x80) return this.#record(this.#records[token - RECORD_FIRST]);
    if (token < 0x90) return this.#map(token & 0x0f);
    if (token < 0xa0) return this.#array(token & 0x0f);
    if (token < 0xc0) return source.text(token & 0x1f);
    if (token >= 0xe0) return token - 0x100;
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#marking(source.copy(source.u8()));
      case 0xc5:
        return this.#marking(source.copy(source.u16()));
      case 0xc6:
        return this.#marking(source.copy(source.u32()));
      case 0xc7:
        return this.#extension(source.u8());
      case 0xc8:
        return this.#extension(source.u16());
      case 0xc9:
        return this.#extension(source.u32());
      case 0xca:
        return source.f32();
      case 0xcb:
        return source.f64();
      case 0xcc:
        return source.u8();
      case 0xcd:
        return source.u16();
      case 0xce:
        return source.u32();
      case 0xcf:
        return source.u64();
      case 0xd0:
        return (source.u8() << 24) >> 24;
      case 0xd1:
        return (source.u16() << 16) >> 16;
      case 0xd2:
        return source.u32() | 0;
      case 0xd3:
        return source.i64();
      case 0xd4:
        return this.#tagged();
      case 0xd6:
        return this.#extension(4);
      case 0xd7:
        return this.#extension(8);
      case 0xd8:
        return this.#extension(16);
      case 0xd9:
        return source.text(source.u8());
      case 0xda:
        return source.text(source.u16());
      case 0xdb:
        return source.text(source.u32());
      case 0xdc:
        return this.#array(source.u16());
      case 0xdd:
        return this.#array(source.u32());
      case 0xde:
        return this.#map(source.u16());
      case 0xdf:
        return this.#map(source.u32());
      default:
        throw new Malformed(`0x${token.toString(16)} begins no value`);
    }
  }

  /** Notes an object that has just been made, if it comes again. */
  #marking<T>(value: T): T {
    if (this.#mark === 0) return value;
    this.#marked ??= new Map();
    this.#marked.set(this.#mark, value);
    this.#mark = 0;
    return value;
  }

  #enter(): void {
    if (++this.#depth > DEPTH_MAX) throw new Malformed("nested too deep");
  }

  #record(keys: readonly string[] | undefined): unknown {
    if (keys === undefined) throw new Malformed("a record without a definition");
    const object: Record<string, unknown> = this.#marking({});
    this.#enter();
    for (let index = 0; index < keys.length; index++) object[keys[index] as string] = this.#read();
    this.#depth--;
    return object;
  }

  #array(length: number): unknown[] {
    // Each element has a byte at least.
    if (length > this.#source.left) throw new Malformed("an array longer than its bytes");
    const array: unknown[] = this.#marking([]);
    this.#enter();
    for (let index = 0; index < length; index++) array.push(this.#read());
    this.#depth--;
    return array;
  }

  #map(size: number): Map<unknown, unknown> {
    if (2 * size > this.#source.left) throw new Malformed("a map larger than its bytes");
    const map = this.#marking(new Map<unknown, unknown>());
    this.#enter();
    for (let index = 0; index < size; index++) map.set(this.#read(), this.#read());
    this.#depth--;
    return map;
  }

  /** What has its content not in the extension, but behind it. */
  #tagged(): unknown {
    const source = this.#source;
    const type = source.u8();
    const tag = source.u8();
    switch (type) {
      case 0:
        return undefined;
      case RECORD:
        return this.#defined(tag);
      case EXTENSION.set: {
        const set = this.#marking(new Set<unknown>());
        this.#enter();
        for (const member of this.#parts()) set.add(member);
        this.#depth--;
        return set;
      }
      case EXTENSION.error:
        return this.#error();
      case EXTENSION.pattern: {
        const mark = this.#mark;
        this.#mark = 0;
        const [text, flags] = this.#parts();
        this.#mark = mark;
        if (typeof text !== "string" || typeof flags !== "string")
          throw new Malformed("a regular expression without its text");
        return this.#marking(new RegExp(text, flags));
      }
      case EXTENSION.bytes:
        return this.#marking(bytesOf(tag, source.copy(0)));
      case EXTENSION.bigint:
        return bigintOf(Uint8Array.of(tag));
      case TIME:
        return this.#marking(new Date(Number.NaN));
      default:
        throw new Malformed(`there is no extension ${type}`);
    }
  }

  /** An array, which is part of a larger thing. */
  #parts(): unknown[] {
    const parts = this.#read();
    if (Array.isArray(parts)) return parts;
    throw new Malformed("no array where there must be one");
  }

  #error(): Error {
    const source = this.#source;
    if (source.u8() !== 0x93) throw new Malformed("an error without its parts");
    const mark = this.#mark;
    this.#mark = 0;
    const name = this.#read();
    const message = this.#read();
    if (typeof name !== "string") throw new Malformed("an error without a name");
    const known = ERRORS.get(name);
    const error = new (known ?? Error)(typeof message === "string" ? message : "");
    // That of its reading says nothing about it.
    Object.defineProperty(error, "stack", { ...HIDDEN, value: `${name}: ${error.message}` });
    if (known === undefined && name !== "Error")
      Object.defineProperty(error, "name", { ...HIDDEN, value: name });
    this.#mark = mark;
    this.#marking(error);
    this.#enter();
    const cause = this.#read();
    this.#depth--;
    if (cause !== undefined) Object.defineProperty(error, "cause", { ...HIDDEN, value: cause });
    return error;
  }

  #extension(length: number): unknown {
    const source = this.#source;
    const type = source.u8();
    switch (type) {
      case 0:
        source.copy(length);
        return undefined;
      case MARK:
        if (length !== 4 || this.#mark !== 0) throw new Malformed("a number for no object");
        this.#mark = source.u32();
        return this.#numbered();
      case POINTER: {
        const number = length === 4 ? source.u32() : 0;
        const value = this.#marked?.get(number);
        if (value === undefined) throw new Malformed("a pointer to no object");
        return value;
      }
      case EXTENSION.bytes:
        if (length === 0) throw new Malformed("bytes of no kind");
        return this.#marking(bytesOf(source.u8(), source.copy(length - 1)));
      case EXTENSION.bigint:
        return bigintOf(source.copy(length));
      case TIME:
        return this.#marking(timeOf(length, source));
      default:
        throw new Malformed(`there is no extension ${type}`);
    }
  }

  #numbered(): unknown {
    const value = this.#read();
    // It was no object.
    this.#mark = 0;
    return value;
  }

  /** The definition of a record, and the first of them. */
  #defined(number: number): unknown {
    const index = number - RECORD_FIRST;
    if (index < 0 || index >= RECORDS_MAX) throw new Malformed("a record's number is out of range");
    const keys = this.#form();
    this.#records[index] = keys;
    return this.#record(keys);
  }

  #form(): readonly string[] {
    const source = this.#source;
    const slot = source.hash() % FORMS_MAX;
    const known = forms[slot];
    if (known !== undefined && source.skip(known.bytes)) return known.keys;
    const start = source.position;
    const mark = this.#mark;
    this.#mark = 0;
    const keys: string[] = [];
    for (const key of this.#parts()) {
      if (typeof key !== "string") throw new Malformed("a key that is no text");
      keys.push(key === "__proto__" ? "__proto_" : key);
    }
    this.#mark = mark;
    const bytes = source.since(start);
    if (bytes.byteLength <= BYTES_MAX) forms[slot] = { bytes, keys };
    return keys;
  }
}

const HIDDEN = { writable: true, enumerable: false, configurable: true } as const;

function bytesOf(kind: number, bytes: Uint8Array<ArrayBuffer>): object {
  const { buffer } = bytes;
  if (kind === ARRAY_BUFFER) return buffer;
  if (kind === DATA_VIEW) return new DataView(buffer);
  const type = TYPED_ARRAYS[kind];
  if (type === undefined || buffer.byteLength % type.BYTES_PER_ELEMENT !== 0)
    throw new Malformed("bytes of no kind");
  return new type(buffer);
}

/** Two's complement, the highest byte first. */
function bigintOf(bytes: Uint8Array): bigint {
  if (bytes.byteLength === 0) throw new Malformed("a bigint without bytes");
  let text = "0x";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  const value = BigInt(text);
  return (bytes[0] as number) < 0x80 ? value : value - (1n << BigInt(8 * bytes.byteLength));
}

function timeOf(length: number, source: ByteSource): Date {
  switch (length) {
    case 4:
      return new Date(source.u32() * 1_000);
    case 8: {
      const high = source.u32();
      const seconds = (high & 3) * 2 ** 32 + source.u32();
      return new Date(seconds * 1_000 + (high >>> 2) / 1_000_000);
    }
    case 12: {
      const nanoseconds = source.u32();
      return new Date(Number(source.i64()) * 1_000 + nanoseconds / 1_000_000);
    }
    default:
      throw new Malformed("a time of no length");
  }
}
