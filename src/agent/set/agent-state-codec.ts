import { LIMITS } from "../../base/index.ts";
import { agentSpecSchema } from "../define/index.ts";
import type { AgentSpec, AgentState } from "../model.ts";

/** Of this layout of the bytes. */
const VERSION = 1;
/** u8 version, u16 count. */
const HEAD_BYTES = 3;
/** u32 bytes of the spec, u32 bytes of the briefcase; then the two. */
const AGENT_HEAD_BYTES = 8;

/** The agents of a stream as bytes, in their order. The bytes belong to the caller. */
export function encodeAgents(states: readonly AgentState[]): Uint8Array {
  return joinAgents(
    states.map(({ spec, briefcase }) => ({ specBytes: encodeSpec(spec), briefcase })),
  );
}

/** One agent's part of {@link joinAgents}, which changes less often than its briefcase. */
export function encodeSpec(spec: AgentSpec): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(spec));
}

/** As {@link encodeAgents}, from specs that are bytes already. */
export function joinAgents(
  parts: readonly { readonly specBytes: Uint8Array; readonly briefcase: Uint8Array }[],
): Uint8Array {
  let size = HEAD_BYTES;
  for (const { specBytes, briefcase } of parts)
    size += AGENT_HEAD_BYTES + specBytes.byteLength + briefcase.byteLength;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint16(1, parts.length);
  let offset = HEAD_BYTES;
  for (const { specBytes, briefcase } of parts) {
    view.setUint32(offset, specBytes.byteLength);
    view.setUint32(offset + 4, briefcase.byteLength);
    offset += AGENT_HEAD_BYTES;
    bytes.set(specBytes, offset);
    offset += specBytes.byteLength;
    bytes.set(briefcase, offset);
    offset += briefcase.byteLength;
  }
  return bytes;
}

/**
 * Decodes what {@link encodeAgents} encoded; undefined for any other bytes. Copies the briefcases, but does not unpack
 * them: an executor does, and refuses what it cannot read.
 */
export function decodeAgents(bytes: Uint8Array): AgentState[] | undefined {
  if (bytes.byteLength < HEAD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint16(1);
  if (view.getUint8(0) !== VERSION || count > LIMITS.streamAgentsMax) return undefined;
  const states: AgentState[] = [];
  let offset = HEAD_BYTES;
  for (let index = 0; index < count; index++) {
    if (bytes.byteLength - offset < AGENT_HEAD_BYTES) return undefined;
    const specEnd = offset + AGENT_HEAD_BYTES + view.getUint32(offset);
    const end = specEnd + view.getUint32(offset + 4);
    if (end > bytes.byteLength) return undefined;
    const spec = decodeSpec(bytes.subarray(offset + AGENT_HEAD_BYTES, specEnd));
    if (spec === undefined || states.some((other) => other.spec.name === spec.name))
      return undefined;
    states.push({ spec, briefcase: bytes.slice(specEnd, end) });
    offset = end;
  }
  return offset === bytes.byteLength ? states : undefined;
}

function decodeSpec(bytes: Uint8Array): AgentSpec | undefined {
  if (bytes.byteLength > LIMITS.agentSpecBytesMax) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof TypeError) return undefined;
    throw cause;
  }
  return agentSpecSchema.safeParse(value).data;
}
