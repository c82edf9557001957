import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../base/index.ts";
import { CATALOGUE, type Catalogue, type TransportSpec } from "./catalogue.ts";
import { completeStack, isPrivateStack } from "./complete.ts";
import { formatStack } from "./format.ts";
import type { ModuleSpec, ParameterSpec, ParameterValue } from "./module.ts";
import { parseStack } from "./parse.ts";
import { StackError } from "./stack-error.ts";

/** One parameter of each kind, so that the grammar is tested beyond what the real modules need today. */
const PARAMETERS: Readonly<Record<string, ParameterSpec>> = {
  window: { kind: "bytes", min: 1, max: 2 ** 40, default: 65_536, about: "" },
  rest: { kind: "ms", min: 0, max: 1e9, default: 5, about: "" },
  tries: { kind: "count", min: 0, max: 1e9, default: 3, about: "" },
  loss: { kind: "ratio", min: 0, max: 1, default: 0, about: "" },
  queue: { kind: "name", default: "", about: "" },
  slow: { kind: "word", words: ["block", "latest", "to-key"], default: "block", about: "" },
  to: { kind: "group", default: "239.1.1.1", about: "" },
  strict: { kind: "flag", default: false, about: "" },
};

function moduleSpec(name: string, extra: Partial<ModuleSpec> = {}): ModuleSpec {
  return {
    name,
    about: "",
    parameters: PARAMETERS,
    local: true,
    provides: [],
    requires: [],
    create: () => {
      throw new Error("only its grammar is tested");
    },
    ...extra,
  };
}

const WIDE: Catalogue = {
  modules: {
    swp: moduleSpec("swp", { provides: ["reliable", "ordered"] }),
    "fec-2d": moduleSpec("fec-2d"),
    crypt: moduleSpec("crypt", { requires: ["ordered"] }),
  },
  transports: {
    udp: { name: "udp", about: "", parameters: PARAMETERS, provides: [] },
    tcp: { name: "tcp", about: "", parameters: {}, provides: ["reliable", "ordered"] },
  },
};

const valueArbitraries: Record<ParameterSpec["kind"], fc.Arbitrary<ParameterValue>> = {
  bytes: fc.oneof(
    fc.integer({ min: 1, max: 2 ** 40 }),
    fc.constantFrom(1024, 65_536, 1024 ** 2 * 3, 1024 ** 3),
  ),
  ms: fc.integer({ min: 0, max: 1e9 }).map((us) => us / 1000),
  count: fc.integer({ min: 0, max: 1e9 }),
  ratio: fc.integer({ min: 0, max: 1e6 }).map((millionths) => millionths / 1e6),
  word: fc.constantFrom("block", "latest", "to-key"),
  name: fc.constantFrom("q", "North-1", "line"),
  group: fc.constantFrom("224.0.0.1", "239.255.255.255", "ff15::77:1", "FF02::1:ff00:0"),
  flag: fc.boolean(),
};

// Keys may be missing, never undefined.
const parametersArbitrary = fc.record(
  Object.fromEntries(
    Object.entries(PARAMETERS).map(([key, { kind }]) => [key, valueArbitraries[kind]]),
  ),
  { requiredKeys: [], noNullPrototype: true },
) as fc.Arbitrary<Record<string, ParameterValue>>;

const specArbitrary = fc.record(
  {
    modules: fc.array(
      fc.record(
        { name: fc.constantFrom("swp", "fec-2d"), parameters: parametersArbitrary },
        { noNullPrototype: true },
      ),
      { maxLength: LIMITS.stackLayersMax - 1 },
    ),
    transport: fc.oneof(
      fc.record(
        { name: fc.constant("udp"), parameters: parametersArbitrary },
        { noNullPrototype: true },
      ),
      fc.constant({ name: "tcp", parameters: {} }),
    ),
  },
  { noNullPrototype: true },
);

function failure(text: string, catalogue: Catalogue = CATALOGUE): StackError {
  try {
    parseStack(text, catalogue);
  } catch (thrown) {
    assert(thrown instanceof StackError, `${String(thrown)} is a StackError`);
    return thrown;
  }
  return assert.fail(`${text} was accepted`);
}

test("[S7] parsing undoes formatting", () => {
  fc.assert(
    fc.property(specArbitrary, (spec) => {
      const text = formatStack(spec, WIDE);
      fc.pre(text.length <= LIMITS.stackTextMax);
      assert.deepEqual(parseStack(text, WIDE), spec);
    }),
  );
});

test("[S5] spaces between words and signs mean nothing", () => {
  assert.deepEqual(parseStack("  frag ( mtu = 1400 ) : udp  "), parseStack("frag(mtu=1400):udp"));
});

test("[S4] empty parentheses mean the same as none", () => {
  assert.deepEqual(parseStack("frag():udp()"), parseStack("frag:udp"));
});

test("[S2] the last layer is the transport, the others are modules, top first", () => {
  assert.deepEqual(parseStack("frag(mtu=1400):frag:udp"), {
    modules: [
      { name: "frag", parameters: { mtu: 1400 } },
      { name: "frag", parameters: {} },
    ],
    transport: { name: "udp", parameters: {} },
  });
});

for (const [text, value] of [
  ["window=64K", 65_536],
  ["window=1.5K", 1_536],
  ["window=4M", 4_194_304],
  ["rest=500us", 0.5],
  ["rest=2s", 2_000],
  ["tries=12", 12],
  ["loss=10%", 0.1],
  ["loss=0.25", 0.25],
  ["slow=to-key", "to-key"],
  ["strict", true],
  ["strict=false", false],
] as const) {
  test(`[S6] ${text} has the value ${value}`, () => {
    const { transport } = parseStack(`udp(${text})`, WIDE);
    assert.deepEqual(Object.values(transport.parameters), [value]);
  });
}

for (const text of [
  "window",
  "window=",
  "window=0",
  "window=1.2",
  "window=5ms",
  "window=64k",
  "window=-1",
  "window=1e3",
  "window=1constructor",
  "rest=5",
  "rest=5constructor",
  "rest=5m",
  "tries=1.5",
  "tries=1K",
  "loss=101%",
  "loss=10ms",
  "slow=never",
  "slow",
  "strict=yes",
  "window=1,window=2",
  "unknown=1",
  "constructor=1",
]) {
  test(`[S6] ${text} is refused at its place`, () => {
    const { code, column } = failure(`udp(${text})`, WIDE);
    assert(code === "stack-parameter" || text === "window=");
    assert(column > 4);
  });
}

test("[S9] an unknown module is shown with a caret, and the modules that exist are listed", () => {
  const error = failure("frag:frog(mtu=1400):udp");
  assert.equal(error.code, "stack-module-unknown");
  assert.equal(error.column, 6);
  assert.equal(
    error.message,
    [
      'stack, column 6: there is no module "frog"; expected one of frag, crypt, fault, trace',
      "  frag:frog(mtu=1400):udp",
      "       ^",
    ].join("\n"),
  );
});

test("[S9] an unknown transport lists the transports", () => {
  const { code, column, expected } = failure("frag:carrier-pigeon");
  assert.equal(code, "stack-module-unknown");
  assert.equal(column, 6);
  assert.equal(expected, "one of memory, udp, multicast, tcp, websocket");
});

test("[S9] a property of every object is not the name of a module or transport", () => {
  assert.equal(failure("constructor:udp", WIDE).code, "stack-module-unknown");
  assert.equal(failure("constructor", WIDE).code, "stack-module-unknown");
});

test("[S9] a value out of range says its bounds, at the value", () => {
  const { code, column, message } = failure("frag(mtu=12):udp");
  assert.equal(code, "stack-parameter");
  assert.equal(column, 10);
  assert.match(message, /column 10: mtu is 12; expected a size from 576 to 65507, such as 1472\n/);
});

test("[S9] an unknown parameter lists those of the layer", () => {
  const { code, column, expected } = failure("frag(size=1400):udp");
  assert.equal(code, "stack-parameter");
  assert.equal(column, 6);
  assert.equal(expected, "one of mtu");
  assert.equal(failure("udp(size=1)").expected, "none");
});

for (const [text, column] of [
  ["", 1],
  ["   ", 4],
  [":udp", 1],
  ["frag::udp", 6],
  ["frag:udp:", 10],
  ["frag(mtu=1400:udp", 14],
  ["frag(mtu=1400", 14],
  ["frag(mtu:udp)", 9],
  ["frag(,):udp", 6],
  ["frag(mtu=):udp", 10],
  ["frag)udp", 5],
  ["FRAG:udp", 1],
  ["frag\tudp", 5],
  ["üdp", 1],
  ["udp tcp", 5],
] as const) {
  test(`[S9] ${JSON.stringify(text)} is not a stack, from column ${column} on`, () => {
    const error = failure(text);
    assert.equal(error.code, "stack-syntax");
    assert.equal(error.column, column);
  });
}

test("[S2] a module at the bottom and a transport above it are reported as such", () => {
  const bottom = failure("frag");
  assert.equal(bottom.code, "stack-order");
  assert.equal(bottom.column, 5);
  const above = failure("frag:tcp:udp");
  assert.equal(above.code, "stack-order");
  assert.equal(above.column, 6);
});

test("[S8] a module that needs order is refused where nothing below gives it", () => {
  const { code, column, message } = failure("crypt:udp", WIDE);
  assert.equal(code, "stack-order");
  assert.equal(column, 1);
  assert.match(message, /crypt needs ordered below it/);
  assert.equal(failure("swp:crypt:udp", WIDE).column, 5);
  assert.equal(parseStack("crypt:swp:udp", WIDE).modules.length, 2);
  assert.equal(parseStack("crypt:tcp", WIDE).modules.length, 1);
});

test("[S3] names may contain digits and hyphens, and start with a letter", () => {
  assert.equal(parseStack("fec-2d:udp", WIDE).modules[0]?.name, "fec-2d");
  assert.equal(failure("2d-fec:udp", WIDE).code, "stack-syntax");
  assert.equal(failure("-fec:udp", WIDE).code, "stack-syntax");
});

test("[S1] a stack of too many layers or characters is refused", () => {
  const most = `${"frag:".repeat(LIMITS.stackLayersMax - 1)}udp`;
  assert.equal(parseStack(most).modules.length, LIMITS.stackLayersMax - 1);
  assert.equal(failure(`frag:${most}`).code, "stack-syntax");
  assert.equal(failure(`${most}${" ".repeat(LIMITS.stackTextMax)}`).code, "stack-syntax");
});

test("[S10] any text is a stack or a StackError whose caret stands within its picture", () => {
  const pieces = fc.constantFrom(
    "frag",
    "udp",
    "mtu",
    "=",
    "(",
    ")",
    ":",
    ",",
    " ",
    "1400",
    "\n",
    "😀",
  );
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(pieces).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        parseStack(text);
      } catch (thrown) {
        assert(thrown instanceof StackError);
        const [shown, caret] = thrown.picture.split("\n");
        assert(thrown.column >= 1 && thrown.column <= text.length + 1);
        assert(caret !== undefined && caret.length <= (shown ?? "").length + 1);
      }
    }),
  );
});

for (const [text, complete] of [
  ["udp", "frag:udp"],
  ["frag(mtu=1400):udp", "frag(mtu=1400):udp"],
  ["tcp", "tcp"],
  [" websocket ", "websocket"],
  ["memory", "memory"],
  ["crypt:udp", "frag:crypt:udp"],
  ["fault(loss=5%,seed=7):udp", "frag:fault(loss=0.05,seed=7):udp"],
  ["trace:tcp", "trace:tcp"],
] as const) {
  test(`[S11] ${JSON.stringify(text)} is completed to ${complete}`, () => {
    assert.equal(completeStack(text), complete);
    assert.equal(completeStack(complete), complete);
  });
}

for (const [text, complete] of [
  ["udp", "frag:crypt:udp"],
  ["tcp", "crypt:tcp"],
  ["websocket", "crypt:websocket"],
  ["frag(mtu=1400):udp", "frag(mtu=1400):crypt:udp"],
  ["frag:fault(delay=5ms):trace:udp", "frag:crypt:fault(delay=5ms):trace:udp"],
  ["trace:frag:udp", "trace:frag:crypt:udp"],
  ["frag:crypt(renew=1000):udp", "frag:crypt(renew=1000):udp"],
] as const) {
  test(`[S11] ${JSON.stringify(text)} is made private as ${complete}`, () => {
    assert.equal(completeStack(text, { isPrivate: true }), complete);
    assert.equal(completeStack(complete, { isPrivate: true }), complete);
    assert.equal(isPrivateStack(complete), true);
    assert.equal(isPrivateStack(text), text.includes("crypt"));
  });
}

test("[S8] crypt does not stand above what splits packets", () => {
  const error = failure("crypt:frag:udp");
  assert.equal(error.code, "stack-order");
  assert.equal(error.column, 1);
  assert.match(error.message, /crypt stands above frag; expected frag above crypt/);
});

test("the catalogue cannot be changed", () => {
  const udp = CATALOGUE.transports["udp"];
  assert(Object.isFrozen(CATALOGUE) && Object.isFrozen(CATALOGUE.modules) && Object.isFrozen(udp));
  assert.throws(() => {
    (CATALOGUE.transports as Record<string, TransportSpec>)["pigeon"] = udp as TransportSpec;
  }, TypeError);
});
