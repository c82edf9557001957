import { types } from "node:util";
import {
  bytesIn,
  entriesOfMap,
  membersOfSet,
  partsOfPattern,
  TYPED_ARRAYS,
  timeOfDate,
  typedArrayName,
} from "../../wire/index.ts";

/** Objects within each other that are shown; as `console.log`. */
const DEPTH_MAX = 2;
/** Elements, entries, members or fields of one object. */
const PARTS_MAX = 100;
/** Characters of a name that an object gave itself. */
const NAME_MAX = 100;
/** Bits of a bigint that is shown: some 300 digits, which take no time to make. */
const BIGINT_BITS_MAX = 1_024;

/**
 * Shows values to people, as `console.log` does, but on one line, within a bounded time and size, and without running
 * anything of their author's: objects are read by their slots and descriptors, getters are not called, and of a proxy
 * nothing is known.
 */
export class ShownValues {
  /** Characters that are left. */
  #left: number;
  readonly #around: object[] = [];

  /** @param characters that all of them together may have, about */
  constructor(characters: number) {
    this.#left = characters;
  }

  /** A text as it is, cut to what is left. */
  text(text: string): string {
    const shown = text.length <= this.#left ? text : `${text.slice(0, Math.max(0, this.#left))}…`;
    this.#left -= shown.length;
    return shown;
  }

  /** A value: texts in it are quoted. */
  value(value: unknown): string {
    switch (typeof value) {
      case "string":
        return this.text(quoted(value.slice(0, Math.max(0, this.#left))));
      case "number":
        return this.text(Object.is(value, -0) ? "-0" : String(value));
      case "bigint":
        return this.text(bigintText(value));
      case "symbol":
        return this.text(symbolText(value));
      case "function":
        return this.text(functionText(value as object));
      case "object":
        return value === null ? "null" : this.#object(value);
      default:
        return String(value);
    }
  }

  #object(value: object): string {
    if (this.#left <= 0) return "…";
    if (types.isProxy(value)) return this.text("[Proxy]");
    if (types.isNativeError(value)) return this.text(errorText(value));
    const scalar = scalarText(value);
    if (scalar !== undefined) return this.text(scalar);
    if (this.#around.includes(value)) return this.text("[Circular]");
    const isArray = Array.isArray(value);
    if (this.#around.length > DEPTH_MAX) return this.text(`[${isArray ? "Array" : nameOf(value)}]`);
    this.#around.push(value);
    try {
      return isArray ? this.#array(value) : this.#container(value);
    } finally {
      this.#around.pop();
    }
  }

  #array(value: readonly unknown[]): string {
    const parts = new Parts();
    for (let index = 0; index < value.length && this.#isOpen(parts); index++) {
      const property = Object.getOwnPropertyDescriptor(value, index);
      parts.add(property === undefined ? this.text("<empty>") : this.#property(property));
    }
    return parts.within("[", "]", value.length);
  }

  #container(value: object): string {
    const entries = entriesOfMap(value);
    const members = membersOfSet(value);
    const parts = new Parts();
    if (entries !== undefined) {
      for (let index = 0; index < entries.length && this.#isOpen(parts); index += 2)
        parts.add(`${this.value(entries[index])} => ${this.value(entries[index + 1])}`);
      const size = entries.length / 2;
      return parts.within(`${nameOf(value)}(${size}) {`, "}", size);
    }
    if (members !== undefined) {
      for (let index = 0; index < members.length && this.#isOpen(parts); index++)
        parts.add(this.value(members[index]));
      return parts.within(`${nameOf(value)}(${members.length}) {`, "}", members.length);
    }
    const bytes = bytesIn(value);
    return bytes === undefined ? this.#fields(value) : this.#bytes(value, bytes);
  }

  #bytes(value: object, bytes: Uint8Array): string {
    const name = typedArrayName(value);
    const type = TYPED_ARRAYS.find((each) => each.name === name);
    if (type === undefined) return this.text(`${nameOf(value)}(${bytes.byteLength})`);
    const size = type.BYTES_PER_ELEMENT;
    const length = bytes.byteLength / size;
    const start = bytes.slice(0, size * Math.min(length, PARTS_MAX));
    const parts = new Parts();
    for (const element of new type(start.buffer)) {
      if (!this.#isOpen(parts)) break;
      parts.add(this.value(element));
    }
    return parts.within(`${type.name}(${length}) [`, "]", length);
  }

  #fields(value: object): string {
    const keys = Reflect.ownKeys(value);
    const parts = new Parts();
    let passed = 0;
    for (const key of keys) {
      if (!this.#isOpen(parts)) break;
      passed++;
      const property = Object.getOwnPropertyDescriptor(value, key);
      if (property?.enumerable !== true) continue;
      const name = typeof key === "symbol" ? `[${symbolText(key)}]` : keyText(key);
      parts.add(`${this.text(name)}: ${this.#property(property)}`);
    }
    const name = nameOf(value);
    const start = name === "Object" ? "{" : `${name} {`;
    return parts.within(start, "}", parts.count + keys.length - passed);
  }

  #property(property: PropertyDescriptor): string {
    if ("value" in property) return this.value(property.value);
    if (property.get === undefined) return this.text("[Setter]");
    return this.text(property.set === undefined ? "[Getter]" : "[Getter/Setter]");
  }

  #isOpen(parts: Parts): boolean {
    return this.#left > 0 && parts.count < PARTS_MAX;
  }
}

/** What an object has, as texts. */
class Parts {
  readonly #texts: string[] = [];

  get count(): number {
    return this.#texts.length;
  }

  add(text: string): void {
    this.#texts.push(text);
  }

  /** @param total how many there are, shown or not */
  within(start: string, end: string, total: number): string {
    const more = total - this.#texts.length;
    if (more > 0) this.#texts.push(`... ${more} more item${more === 1 ? "" : "s"}`);
    return this.#texts.length === 0 ? start + end : `${start} ${this.#texts.join(", ")} ${end}`;
  }
}

/** Of a date or a regular expression. */
function scalarText(value: object): string | undefined {
  const time = timeOfDate(value);
  if (time !== undefined) return Number.isNaN(time) ? "Invalid Date" : new Date(time).toISOString();
  const pattern = partsOfPattern(value);
  return pattern === undefined ? undefined : `/${pattern[0]}/${pattern[1]}`;
}

function errorText(error: object): string {
  const stack = textAt(error, "stack");
  if (stack !== "") return stack;
  const message = textAt(error, "message");
  return `[${textAt(error, "name") || "Error"}${message === "" ? "" : `: ${message}`}]`;
}

function bigintText(value: bigint): string {
  if (BigInt.asIntN(BIGINT_BITS_MAX, value) === value) return `${value}n`;
  return "[a bigint of many digits]";
}

function symbolText(value: symbol): string {
  return `Symbol(${(value.description ?? "").slice(0, NAME_MAX)})`;
}

function functionText(value: object): string {
  if (types.isProxy(value)) return "[Proxy]";
  const name = textAt(value, "name").slice(0, NAME_MAX);
  const isClass = Function.prototype.toString.call(value).startsWith("class");
  const kind = isClass ? "class" : types.isAsyncFunction(value) ? "AsyncFunction" : "Function";
  if (name === "") return `[${kind} (anonymous)]`;
  return `[${kind}${isClass ? " " : ": "}${name}]`;
}

/** The name of an object's class. */
function nameOf(value: object): string {
  let at = Object.getPrototypeOf(value) as object | null;
  if (at === null) return "[Object: null prototype]";
  for (let step = 0; at !== null && step < 10 && !types.isProxy(at); step++) {
    const type: unknown = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
    const name = typeof type === "function" && !types.isProxy(type) ? textAt(type, "name") : "";
    if (name !== "") return name.slice(0, NAME_MAX);
    at = Object.getPrototypeOf(at) as object | null;
  }
  return "Object";
}

/** A text that is a property of an object, or of its prototypes; no getter is called. */
function textAt(value: object, key: string): string {
  let at: object | null = value;
  for (let step = 0; at !== null && step < 10 && !types.isProxy(at); step++) {
    const property = Object.getOwnPropertyDescriptor(at, key);
    if (property !== undefined) return textOf(property);
    at = Object.getPrototypeOf(at) as object | null;
  }
  return "";
}

function textOf({ value, get }: PropertyDescriptor): string {
  // Those of the language's prototypes are behind a function of ours once they can be overridden.
  const own: unknown =
    get === undefined ? value : Object.getOwnPropertyDescriptor(get, "originalValue")?.value;
  return typeof own === "string" ? own : "";
}

function keyText(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key.slice(0, NAME_MAX)) ? key : quoted(key.slice(0, 1_000));
}

/** As in source code, by the quotes that need the fewest escapes. */
function quoted(text: string): string {
  const quote = !text.includes("'") ? "'" : !text.includes('"') ? '"' : "`";
  const escaped = text.replaceAll(/[\\\p{Cc}]/gu, escapeOf);
  return quote + (quote === "`" ? escaped.replaceAll("`", "\\`") : escaped) + quote;
}

function escapeOf(unit: string): string {
  return ESCAPES[unit] ?? `\\x${unit.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};
