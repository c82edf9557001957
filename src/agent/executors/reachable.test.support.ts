/** What {@link REACHABLE_ON} answers. */
export interface Reachable {
  /** Paths of things that an agent reaches, that are not its own, and that it could change. */
  readonly mutable: readonly string[];
  /** Paths of things that are of the host by their names, or that are classes of it. */
  readonly forbidden: readonly string[];
  /** Things that were looked at. */
  readonly count: number;
}

/**
 * The text of a handler that walks everything an agent can reach: from its global object, its context, and all that
 * syntax, methods, errors and promises give; by values, prototypes, accessors and their functions, constructors, and
 * what functions return or throw when they are called with nothing.
 *
 * What is made for the agent at each call is its own: it may be changeable, but not what it inherits from or refers to.
 */
export const REACHABLE_ON = `append: async function (ctx, message) {
  const seen = new Map(), queue = [], mutable = [], forbidden = [], fresh = new Set();
  const isThing = (value) => (typeof value === "object" && value !== null) || typeof value === "function";
  const push = (value, path) => {
    if (!isThing(value) || seen.has(value)) return;
    seen.set(value, path);
    queue.push(value);
  };
  /** It is this agent's own, and so is the plain data in it. */
  const own = (value, path) => {
    if (!isThing(value)) return;
    if (!seen.has(value)) fresh.add(value);
    push(value, path);
  };
  const quiet = (value) => {
    if (value instanceof Promise) Promise.prototype.then.call(value, () => {}, () => {});
    return value;
  };
  /** What an action gives: the same thing each time is shared, something new is the agent's own. */
  const give = (action, path) => {
    let first, second;
    try {
      first = quiet(action());
      second = quiet(action());
    } catch (error) {
      own(error, path + " throws");
      return;
    }
    if (first === second) push(first, path);
    else own(first, path);
  };
  const thrown = (action, path) => { try { quiet(action()); } catch (error) { own(error, path); } };
  const settled = async (promise, path) => {
    own(promise, path);
    try { own(await promise, path + " gives"); } catch (error) { own(error, path + " rejects"); }
  };

  // Syntax.
  const text = (strings) => strings;
  const samples = {
    array: [], map: new Map(), set: new Set(), weakMap: new WeakMap(), weakSet: new WeakSet(), date: new Date(0), regexp: /a/g,
    arrayIterator: [][Symbol.iterator](), mapIterator: new Map().entries(), setIterator: new Set().values(), textIterator: ""[Symbol.iterator](),
    matches: "a".matchAll(/a/g), match: /a/.exec("a"), generator: (function* () {})(), asyncGenerator: (async function* () {})(),
    generatorFunction: function* () {}, asyncFunction: async () => {}, asyncGeneratorFunction: async function* () {}, arrow: () => {}, method: { m() {} }.m,
    class: class {}, bound: (() => {}).bind(), revocable: Proxy.revocable({}, {}), arguments: (function () { return arguments; })(), template: text\`x\`,
    promise: Promise.resolve(), all: Promise.all([]), buffer: new ArrayBuffer(8), view: new DataView(new ArrayBuffer(8)), symbol: Object(Symbol("x")), bigint: Object(1n),
    number: Object(1), text: Object("x"), boolean: Object(true), error: new Error("x"), aggregate: new AggregateError([]), decoder: new TextDecoder(), encoder: new TextEncoder(),
    encoded: new TextEncoder().encode("x"), json: JSON.parse("{}"), descriptor: Object.getOwnPropertyDescriptor({ a: 1 }, "a"), iterated: Object.fromEntries([["a", 1]]),
  };
  for (const name of ["Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array"])
    if (globalThis[name] !== undefined) samples[name] = new globalThis[name](1);
  for (const [name, sample] of Object.entries(samples)) own(sample, name);
  quiet(samples.promise);
  for (const made of [samples.generator, samples.asyncGenerator]) own(Object.getPrototypeOf(made), "prototype of a generator");
  own(samples.revocable.revoke, "revoke");
  for (const symbol of Reflect.ownKeys(Symbol)) give(() => Symbol[symbol], "Symbol." + String(symbol));

  // Errors of the engine.
  const nothing = null;
  const deep = () => deep() + 1;
  for (const [name, action] of Object.entries({
    nothing: () => nothing.x, range: () => new Array(-1), uri: () => decodeURIComponent("%"), json: () => JSON.parse("{"), bigint: () => BigInt("x"), pattern: () => new RegExp("("),
    deep, frozen: () => { Object.prototype.x = 1; }, construct: () => new (() => {})(), evaluated: () => globalThis["ev" + "al"]("("), decoded: () => new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array([255])),
    label: () => new TextDecoder("none"), into: () => new TextEncoder().encodeInto("x", {}),
  })) thrown(action, "error of " + name);

  // What the context gives.
  own(globalThis, "globalThis");
  own(ctx, "ctx");
  fresh.delete(ctx);
  own(ctx.local, "ctx.local");
  own(ctx.briefcase, "ctx.briefcase");
  own(message, "message");
  push(ctx.message, "ctx.message");
  const stream = ctx.open("other"), agent = stream.agent("a"), group = ctx.group(["other"]), itself = ctx.open(ctx.stream);
  for (const [name, value] of Object.entries({ stream, agent, group, itself })) push(value, name);
  for (const [name, action] of Object.entries({
    open: () => ctx.open(5), timer: () => ctx.timer("x"), relocate: () => ctx.relocate(""), group: () => ctx.group(5), function: () => stream.append(() => {}), symbol: () => stream.append({ a: Symbol("x") }),
    until: () => stream.append(1, { until: "never" }), timeout: () => stream.append(1, { until: "consumed" }), getter: () => stream.append({ get a() { return nothing.x; } }),
    large: () => stream.append(new Uint8Array(2 ** 21)), move: () => itself.move("x"), register: () => stream.registerAgent({ on: { append: "no" } }), event: () => agent.replaceHandler("append", (() => {}).bind()),
  })) thrown(action, "ctx refuses " + name);
  await settled(stream.append("x"), "append");
  await settled(group.append("x"), "group append");
  await settled(itself.location(), "location");
  await settled(stream.location(), "location elsewhere");
  await settled(ctx.createStream(ctx.stream + "-made"), "creation");
  await settled(itself.agent("a").replaceHandler(() => {}, null), "late request");
  await settled((async () => stream.registerAgent({ on: { append: "no" } }))(), "registration");

  while (queue.length > 0) {
    const thing = queue.shift();
    const path = seen.get(thing);
    if (path.length > 300) continue;
    push(Object.getPrototypeOf(thing), path + ".^");
    for (const key of Reflect.ownKeys(thing)) {
      const at = path + "." + String(key);
      const property = Object.getOwnPropertyDescriptor(thing, key);
      if ("value" in property) {
        // Plain data within what is the agent's own.
        if (fresh.has(thing) && thing !== globalThis && isThing(property.value) && typeof property.value !== "function" && !seen.has(property.value)) own(property.value, at);
        else push(property.value, at);
      } else {
        push(property.get, at + " get");
        push(property.set, at + " set");
        if (property.get !== undefined) give(() => Reflect.apply(property.get, thing, []), at);
      }
    }
    if (typeof thing === "function") {
      let source = "";
      try { source = Object.getPrototypeOf(() => {}).toString.call(thing); } catch {}
      const isOwn = fresh.has(thing);
      if (!isOwn && /^class\\b/.test(source) && thing !== TextDecoder && thing !== TextEncoder) forbidden.push(path + ": a class");
      if (/^(Meander|Assertion|Handler(Context|Stream|Agent|Group)|Attempt|Agent[A-Z]|Node|Buffer|FastBuffer|Compartment$|lockdown$|Worker|Message)/.test(String(Object.getOwnPropertyDescriptor(thing, "name")?.value)))
        forbidden.push(path + ": " + thing.name);
      // Not those of the context that would end or move this agent.
      if (!isOwn && !/exit|relocate|destroy|detach/.test(thing.name)) {
        give(() => thing(), path + "()");
        give(() => new thing(), "new " + path);
      }
    }
    if (!fresh.has(thing) && !Object.isFrozen(thing)) mutable.push(path);
  }
  return { mutable: mutable.slice(0, 100), forbidden: forbidden.slice(0, 100), count: seen.size };
}`;
