/**
 * Protocol modules composed over a transport: interfaces, the QoS grammar, the composer, the modules.
 *
 * @module
 */
export {
  CATALOGUE,
  type Catalogue,
  modulesByName,
  type TransportSpec,
  transportsByName,
} from "./catalogue.ts";
export { completeStack } from "./complete.ts";
export { composeStack } from "./compose.ts";
export type { Connection, ConnectionEnd, Listener, Transport } from "./connection.ts";
export { formatStack } from "./format.ts";
export type { Module, ModuleSpec, ParameterSpec, ParameterValue } from "./module.ts";
export { FRAG_HEADER_BYTES, fragModule } from "./modules/frag.ts";
export { type LayerSpec, parseStack, type StackSpec } from "./parse.ts";
export { StackError } from "./stack-error.ts";
