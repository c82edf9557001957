import { textCodecs } from "./text-codecs.ts";

/** Parts of a compartment's global object that no agent needs. */
const LEFT_OUT = ["Compartment", "lockdown"];
/** What cannot be the name of a parameter. */
const NO_PARAMETERS = new Set(["eval", "arguments", "undefined", "NaN", "Infinity", "globalThis"]);

/** What confined code gets besides the language. */
export interface Endowments {
  /** Wall clock, ms. */
  readonly now: () => number;
  readonly random: () => number;
  readonly output: Output;
}

/** Where `console` writes. */
export interface Output {
  print(values: readonly unknown[]): void;
}

/**
 * The confined environment in which the code of one agent is evaluated: the language with frozen objects, its own
 * global object, `console`, `Date` and `Math.random` of its host, and nothing else. The thread must be locked down.
 */
export class AgentCompartment {
  readonly #compartment: Compartment;
  readonly #source: string;
  readonly #names: readonly string[];
  /** Of these names. Code that is evaluated later is its own author's, and gets the same, whatever the first left. */
  readonly #values: readonly unknown[];

  /** @param source the name of its code in stacks */
  constructor(source: string, { now, random, output }: Endowments) {
    this.#compartment = new Compartment({
      __options__: true,
      name: source,
      globals: {
        console: consoleOf(output),
        Date: dateOf(now),
        Math: mathOf(random),
        ...textCodecs(),
      },
    });
    this.#source = source;
    const global = this.#compartment.globalThis as Record<string, unknown>;
    for (const name of LEFT_OUT) delete global[name];
    this.#names = Object.getOwnPropertyNames(global).filter((name) => !NO_PARAMETERS.has(name));
    this.#values = this.#names.map((name) => global[name]);
  }

  /**
   * The value of an expression. Throws what the code throws.
   *
   * A name that a compartment has to look up costs fifty times as much as a parameter, so the language's own become
   * parameters.
   */
  evaluate(expression: string): unknown {
    const code = `(function (${this.#names.join(", ")}) { return (${expression}\n); })\n//# sourceURL=${this.#source}`;
    const evaluated = this.#compartment.evaluate(code) as (...values: unknown[]) => unknown;
    return evaluated(...this.#values);
  }
}

function consoleOf(output: Output): object {
  const print = (...values: unknown[]): void => output.print(values);
  return harden({ log: print, info: print, debug: print, warn: print, error: print });
}

/** `Date` whose present is the host's. */
function dateOf(now: () => number): unknown {
  const present = (): number => Math.floor(now());
  const AgentDate = function (this: unknown, ...parts: unknown[]): unknown {
    if (new.target === undefined) return new Date(present()).toString();
    return Reflect.construct(Date, parts.length === 0 ? [present()] : parts, new.target);
  };
  Object.defineProperties(AgentDate, {
    name: { value: "Date" },
    length: { value: 7 },
    prototype: { value: Date.prototype },
    now: { value: () => present() },
    parse: { value: (text: string) => Date.parse(text) },
    UTC: { value: (...parts: Parameters<typeof Date.UTC>) => Date.UTC(...parts) },
  });
  return harden(AgentDate);
}

function mathOf(random: () => number): unknown {
  const math = Object.defineProperties(
    {},
    { ...Object.getOwnPropertyDescriptors(Math), random: { value: () => random() } },
  );
  return harden(math);
}
