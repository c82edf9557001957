// In this order: ses takes the `Object.freeze` and the `detached` that the first two leave.
import { endFreezing } from "./lockdown-freeze.ts";
import "./lockdown-detached.ts";
import "ses";

endFreezing();

/**
 * Prepares this thread for compartments: the language's own objects are frozen and lose what reaches outside.
 *
 * Affects the whole thread, permanently; idempotent; takes about 30 ms. Afterwards `eval`, `Function`, `console`,
 * `Date` and `Math.random` of the thread's own code are as before, while code in a `Compartment` has none of these.
 * Libraries that extend the language's own objects have to be imported before.
 */
export function lockDown(): void {
  if (isLockedDown()) return;
  repairIntrinsics({
    // Our own code and that of libraries works as before; a compartment never sees these.
    consoleTaming: "unsafe",
    evalTaming: "unsafe-eval",
    // Stacks are for people; "unsafe-debug" would give call sites, and through them functions, to confined code.
    errorTaming: "unsafe",
    stackFiltering: "verbose",
    // What ends the process is decided elsewhere.
    errorTrapping: "none",
    unhandledRejectionTrapping: "none",
    reporting: "none",
    // Each property made overridable is an accessor; those of arrays, maps and typed arrays would make `[...array]` 30
    // times slower.
    overrideTaming: "min",
  });
  for (const prototype of OVERRIDABLE) makeOverridable(prototype);
  hardenIntrinsics();
}

/** Whether {@link lockDown} has been called in this thread. */
export function isLockedDown(): boolean {
  return "harden" in globalThis;
}

/**
 * Objects whose heirs are given properties of the same names by assignment: `counts["constructor"] = 1`, `error.name =
 * "Lost"`.
 */
const OVERRIDABLE: readonly object[] = [
  Object.prototype,
  Error.prototype,
  EvalError.prototype,
  RangeError.prototype,
  ReferenceError.prototype,
  SyntaxError.prototype,
  TypeError.prototype,
  URIError.prototype,
  AggregateError.prototype,
];

/** A frozen data property cannot be assigned to in an heir; an accessor that defines it there can. */
function makeOverridable(prototype: object): void {
  for (const key of Reflect.ownKeys(prototype)) {
    const property = Object.getOwnPropertyDescriptor(prototype, key);
    if (property?.configurable !== true || !("value" in property)) continue;
    const { value, enumerable = false } = property;
    // What hardens goes by properties, and would not find the value behind a function.
    const get = Object.defineProperty(() => value, "originalValue", { value });
    Object.defineProperty(prototype, key, {
      enumerable,
      configurable: true,
      get,
      set(this: object, replacement: unknown) {
        if (this === prototype)
          throw new TypeError(`Cannot assign to read only property '${String(key)}'`);
        Object.defineProperty(this, key, {
          value: replacement,
          writable: true,
          enumerable: true,
          configurable: true,
        });
      },
    });
  }
}
