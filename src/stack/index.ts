/**
 * Protocol modules composed over a transport: interfaces, the QoS grammar, the composer, the modules.
 *
 * @module
 */
export { acceptStack } from "./accept-stack.ts";
export {
  CATALOGUE,
  type Catalogue,
  modulesByName,
  type TransportSpec,
  transportsByName,
} from "./catalogue.ts";
export { completeStack } from "./complete.ts";
export { composeStack, parametersWithDefaults } from "./compose.ts";
export type { Connection, ConnectionEnd, Listener, Transport } from "./connection.ts";
export { freshSalt } from "./crypt/binding.ts";
export {
  type Aead,
  type Cipher,
  isSameSecret,
  TAG_BYTES,
} from "./crypt/cipher.ts";
export { HandshakeBudget } from "./crypt/handshake-budget.ts";
export {
  groupKeys,
  Opener,
  type OpenFault,
  SEAL_BYTES,
  SEAL_HEAD_BYTES,
  SEAL_KEY_BYTES,
  Sealer,
  type SealKeys,
  sealIdOf,
  sealKeysOf,
} from "./crypt/seal.ts";
export {
  isCryptHello,
  isSealedPacket,
  openPacket,
  sealPacket,
  UNIT_HEAD_BYTES,
  UNIT_OVERHEAD_BYTES,
} from "./crypt/sealed-unit.ts";
export { formatStack } from "./format.ts";
export type {
  Below,
  Module,
  ModulePorts,
  ModuleSpec,
  ParameterSpec,
  ParameterValue,
  StackPorts,
} from "./module.ts";
export { Bottlenecks } from "./modules/bottleneck.ts";
export { FRAG_HEADER_BYTES, fragModule } from "./modules/frag.ts";
export { type TraceEvent, type TraceRecord, TraceRegistry } from "./modules/trace-registry.ts";
export { PacketInbox } from "./packet-inbox.ts";
export { type LayerSpec, parseStack, type StackSpec } from "./parse.ts";
export { StackError } from "./stack-error.ts";
