import type { Attempt, Ending } from "./attempt.ts";

/**
 * Memory that nobody wrote, in what leaves: each builds something that passes for more bytes than it has, and gives it as
 * its reply. What comes out may hold nothing but what it wrote.
 */
const FAKES: Readonly<Record<string, string>> = {
  "length-that-changes": `(() => { let looks = 0; return Object.create(Int8Array.prototype, { byteLength: { get: () => (looks++ === 0 ? 6000 : 0) }, buffer: { value: new ArrayBuffer(0) }, byteOffset: { value: 0 }, constructor: { value: Int8Array }, [Symbol.toStringTag]: { value: "Object" } }); })()`,
  "length-that-changes-bytes": `(() => { let looks = 0; return Object.create(Uint8Array.prototype, { byteLength: { get: () => (looks++ === 0 ? 6000 : 0) }, length: { value: 6000 }, buffer: { value: new ArrayBuffer(0) }, byteOffset: { value: 0 } }); })()`,
  "own-length": `Object.defineProperties(new Uint8Array(4), { byteLength: { value: 60000 }, length: { value: 60000 } })`,
  "own-buffer": `Object.defineProperties(new BigInt64Array(4), { buffer: { value: new ArrayBuffer(60000) }, byteLength: { value: 60000 } })`,
  "words-that-pass-for-bytes": `Object.setPrototypeOf(new Int16Array(3000), Uint8Array.prototype)`,
  "double-words-that-pass-for-bytes": `Object.setPrototypeOf(new Int32Array(3000), Uint8Array.prototype)`,
  "view-that-passes-for-bytes": `Object.setPrototypeOf(new DataView(new ArrayBuffer(3000)), Uint8Array.prototype)`,
  "buffer-that-passes-for-bytes": `Object.setPrototypeOf(new ArrayBuffer(3000), Uint8Array.prototype)`,
  "array-that-passes-for-bytes": `Object.setPrototypeOf(new Array(3000), Uint8Array.prototype)`,
  "subclass-of-bytes": `new (class extends Uint8Array { get byteLength() { return 60000; } get length() { return 60000; } })(4)`,
  "subclass-of-buffer": `new (class extends ArrayBuffer { get byteLength() { return 60000; } })(4)`,
  "subclass-of-view": `new (class extends DataView { get byteLength() { return 60000; } })(new ArrayBuffer(4))`,
  "buffer-that-shrinks-while-it-is-read": `(() => { const b = new ArrayBuffer(6000, { maxByteLength: 6000 }); const bytes = new Uint8Array(b); return [{ get now() { b.resize?.(0); return 1; } }, bytes, { get now() { b.resize?.(6000); return 1; } }, bytes]; })()`,
  "buffer-that-is-gone": `(() => { const b = new ArrayBuffer(6000); const bytes = new Uint8Array(b); b.transfer?.(); return bytes; })()`,
  "length-of-proxied-array": `new Proxy([1, 2, 3], { get: (target, key) => (key === "length" ? 5000.5 : target[key]) })`,
  "length-of-proxied-array-is-negative": `new Proxy([1, 2, 3], { get: (target, key) => (key === "length" ? -1 : target[key]) })`,
  "length-of-proxied-array-is-an-object": `new Proxy([1, 2, 3], { get: (target, key) => (key === "length" ? { valueOf: () => 6000 } : target[key]) })`,
  "map-that-grows-while-it-is-read": `(() => { const map = new Map(); let n = 0; map.set(0, { get more() { if (n++ < 50) map.set(n, this); return n; } }); return map; })()`,
  "set-that-lies-about-its-size": `Object.defineProperty(new Set([1]), "size", { value: 6000 })`,
  "map-that-lies-about-its-size": `Object.defineProperty(new Map([[1, 2]]), "size", { value: 6000 })`,
  "unfinished-encoding": `(() => { const into = new Uint8Array(6000); new TextEncoder().encodeInto("\\ud800".repeat(10), into); return into.subarray(30); })()`,
  "slice-with-species": `(() => { class B extends Uint8Array { static get [Symbol.species]() { return Uint8Array; } } return new B(3000).slice(10).map((x) => x); })()`,
};

/** Other values pass meanwhile, so that there is something to find. */
const SECRET = "SECRETSECRETSECRET";

export const leak: readonly Attempt[] = Object.entries(FAKES).map(([name, value]) => ({
  name: `leak/${name}`,
  kind: "leak",
  messages: [{ secret: SECRET.repeat(300) }, "leak", "leak"],
  on: `append: (ctx, m) => {
    if (typeof m !== "string") return m;
    return { leak: ${value} };
  }`,
  reached: (endings: readonly Ending[]) =>
    endings.slice(1).flatMap((ending) => (ending.type === "reply" ? leaked(ending.reply) : [])),
}));

function leaked(reply: unknown): string[] {
  const found: string[] = [];
  const look = (value: unknown): void => {
    if (value instanceof ArrayBuffer) look(new Uint8Array(value));
    else if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      const written = bytes.filter((byte) => byte !== 0).length;
      if (written > 40) found.push(`${written} bytes of ${bytes.length} that it did not write`);
    } else if (value instanceof Map || value instanceof Set)
      for (const each of value.values()) look(each);
    else if (typeof value === "string") {
      if (value.includes("SECRET")) found.push("the other's text");
    } else if (typeof value === "object" && value !== null)
      for (const each of Object.values(value)) look(each);
  };
  look(reply);
  return found;
}
