import { assert } from "../base/index.ts";
import { modulesByName } from "./catalogue.ts";
import type { Connection } from "./connection.ts";
import { LayeredConnection } from "./layered-connection.ts";
import type { ModuleSpec, ParameterValue, StackPorts } from "./module.ts";
import type { LayerSpec } from "./parse.ts";

/**
 * Puts `modules` (top first, as in a StackSpec) above a connection. What comes out is a connection; closing it closes
 * `below`, which belongs to it from now on. No modules: `below` itself.
 */
export function composeStack(
  modules: readonly LayerSpec[],
  below: Connection,
  ports: StackPorts,
  specs: Readonly<Record<string, ModuleSpec>> = modulesByName,
): Connection {
  return modules.reduceRight<Connection>((connection, layer) => {
    const spec = specs[layer.name];
    assert(spec !== undefined, "a parsed stack names modules that exist");
    const parameters = parametersWithDefaults(spec, layer.parameters);
    return new LayeredConnection(layer, spec, parameters, connection, ports);
  }, below);
}

/** The values of all parameters of `spec`: those given, else the defaults. */
export function parametersWithDefaults(
  spec: Pick<ModuleSpec, "parameters">,
  given: Readonly<Record<string, ParameterValue>>,
): Record<string, ParameterValue> {
  const defaults = Object.entries(spec.parameters).map(([key, each]) => [key, each.default]);
  return { ...Object.fromEntries(defaults), ...given };
}
