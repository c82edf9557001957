/**
 * How `lockdown.ts` freezes the prototypes of arrays, typed arrays and objects: imported before "ses", which uses the
 * `Object.freeze` that it finds.
 *
 * `Object.freeze` marks an object's elements as frozen too, and with such an object in its prototype chain V8 uses the
 * slow path for every `bytes[index] = value` and every store past the end of an array: 20 times slower. Frozen property
 * by property they are just as frozen (`Object.isFrozen`), and nothing becomes slow.
 *
 * @module
 */
const nativeFreeze = Object.freeze;

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const PROTOTYPES: ReadonlySet<unknown> = new Set<unknown>([
  Object.prototype,
  Array.prototype,
  typedArray,
  ...[
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ].map(({ prototype }) => prototype),
]);

function freeze<T>(value: T): Readonly<T> {
  return PROTOTYPES.has(value) ? freezeEach(value as object & T) : nativeFreeze(value);
}

/** Leaves what `Object.freeze` leaves. They have no elements. */
function freezeEach<T extends object>(value: T): Readonly<T> {
  Object.preventExtensions(value);
  for (const key of Reflect.ownKeys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key);
    const isData = property !== undefined && "value" in property;
    Object.defineProperty(
      value,
      key,
      isData ? { writable: false, configurable: false } : { configurable: false },
    );
  }
  return value;
}

Object.freeze = freeze as typeof Object.freeze;

/** Gives `Object.freeze` back as it was. */
export function endFreezing(): void {
  Object.freeze = nativeFreeze;
}
