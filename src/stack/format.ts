import { assert } from "../base/index.ts";
import { CATALOGUE, type Catalogue } from "./catalogue.ts";
import type { ParameterSpec } from "./module.ts";
import { formatParameter } from "./parameter-value.ts";
import type { LayerSpec, StackSpec } from "./parse.ts";

/** [S7] The text that parses to `spec`: parameters in the order of the module's own list, no spaces. */
export function formatStack(spec: StackSpec, catalogue: Catalogue = CATALOGUE): string {
  const { modules, transports } = catalogue;
  return [
    ...spec.modules.map((layer) => formatLayer(layer, modules[layer.name])),
    formatLayer(spec.transport, transports[spec.transport.name]),
  ].join(":");
}

/** One layer of {@link formatStack}. */
export function formatLayer(
  { name, parameters }: LayerSpec,
  spec: { readonly parameters: Readonly<Record<string, ParameterSpec>> } | undefined,
): string {
  assert(spec !== undefined, "a layer's spec names what exists");
  const given = Object.entries(spec.parameters).flatMap(([key, parameter]) => {
    const value = parameters[key];
    return value === undefined ? [] : [`${key}=${formatParameter(parameter, value)}`];
  });
  return given.length === 0 ? name : `${name}(${given.join(",")})`;
}
