import { CATALOGUE, type Catalogue, type TransportSpec } from "./catalogue.ts";
import type { ModuleSpec, ParameterSpec, ParameterValue } from "./module.ts";
import { describeParameter, parseParameter } from "./parameter-value.ts";
import { StackError } from "./stack-error.ts";
import { scanStack, type Word, type WrittenLayer } from "./stack-scanner.ts";

/** One layer of a stack: its name and the parameters that were given. Those not given have their defaults. */
export interface LayerSpec {
  readonly name: string;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
}

/** A stack string, understood. */
export interface StackSpec {
  /** Top first. */
  readonly modules: readonly LayerSpec[];
  readonly transport: LayerSpec;
}

/**
 * Reads a stack string such as `frag(mtu=1400):udp`. docs/spec/stack.md [S1]-[S10].
 *
 * @throws {StackError} `stack-syntax`, `stack-module-unknown`, `stack-parameter`, `stack-order`
 */
export function parseStack(text: string, catalogue: Catalogue = CATALOGUE): StackSpec {
  const written = scanStack(text);
  const bottom = written.length - 1;
  const layers = written.map((layer, index) => {
    const spec = specOf(text, layer.name, index === bottom, catalogue);
    return { layer, spec, parameters: parametersOf(text, layer, spec) };
  });
  checkRequirements(text, layers);
  const named = layers.map(({ layer, parameters }) => ({ name: layer.name.text, parameters }));
  return { modules: named.slice(0, bottom), transport: named[bottom] as LayerSpec };
}

function specOf(
  text: string,
  name: Word,
  isBottom: boolean,
  { modules, transports }: Catalogue,
): ModuleSpec | TransportSpec {
  const isModule = Object.hasOwn(modules, name.text);
  const isTransport = Object.hasOwn(transports, name.text);
  const spec = isBottom ? isTransport && transports[name.text] : isModule && modules[name.text];
  if (spec) return spec;
  const { column } = name;
  const moduleNames = Object.keys(modules).join(", ");
  const transportNames = Object.keys(transports).join(", ");
  if (isBottom && isModule) {
    throw new StackError("stack-order", `${name.text} is a module, and the last is the transport`, {
      text,
      column: column + name.text.length,
      expected: `a colon and one of ${transportNames}`,
    });
  }
  if (!isBottom && isTransport) {
    throw new StackError("stack-order", `${name.text} is a transport, which stands last`, {
      text,
      column,
      expected: `one of ${moduleNames}`,
    });
  }
  const kind = isBottom ? "transport" : "module";
  throw new StackError("stack-module-unknown", `there is no ${kind} ${JSON.stringify(name.text)}`, {
    text,
    column,
    expected: `one of ${isBottom ? transportNames : moduleNames}`,
  });
}

function parametersOf(
  text: string,
  { name, parameters }: WrittenLayer,
  spec: { readonly parameters: Readonly<Record<string, ParameterSpec>> },
): Record<string, ParameterValue> {
  const values: Record<string, ParameterValue> = {};
  for (const { key, value } of parameters) {
    const parameter = Object.hasOwn(spec.parameters, key.text)
      ? spec.parameters[key.text]
      : undefined;
    const { column } = key;
    if (parameter === undefined) {
      const names = Object.keys(spec.parameters);
      const expected = names.length === 0 ? "none" : `one of ${names.join(", ")}`;
      const what = `${name.text} has no parameter ${key.text}`;
      throw new StackError("stack-parameter", what, { text, column, expected });
    }
    if (Object.hasOwn(values, key.text)) {
      const what = `${key.text} is given twice`;
      throw new StackError("stack-parameter", what, { text, column, expected: "it once" });
    }
    const parsed = parseParameter(parameter, value?.text);
    if (parsed === undefined) {
      const what =
        value === undefined ? `${key.text} has no value` : `${key.text} is ${value.text}`;
      throw new StackError("stack-parameter", what, {
        text,
        column: value?.column ?? column + key.text.length,
        expected: `${value === undefined ? "= and " : ""}${describeParameter(parameter)}`,
      });
    }
    values[key.text] = parsed;
  }
  return values;
}

/** [S8] */
function checkRequirements(
  text: string,
  layers: readonly { readonly layer: WrittenLayer; readonly spec: ModuleSpec | TransportSpec }[],
): void {
  const provided = new Map<string, string>();
  for (const { layer, spec } of layers.toReversed()) {
    const undone = "refuses" in spec ? spec.refuses?.find((each) => provided.has(each)) : undefined;
    if (undone !== undefined) {
      const below = provided.get(undone);
      const what = `${spec.name} stands above ${below}`;
      const expected = `${below} above ${spec.name}`;
      throw new StackError("stack-order", what, { text, column: layer.name.column, expected });
    }
    const missing =
      "requires" in spec ? spec.requires.find((each) => !provided.has(each)) : undefined;
    if (missing !== undefined) {
      const { column } = layer.name;
      throw new StackError("stack-order", `${spec.name} needs ${missing} below it`, {
        text,
        column,
        expected: `a layer below that provides ${missing}`,
      });
    }
    for (const each of spec.provides) provided.set(each, spec.name);
  }
}
