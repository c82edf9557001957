import { z } from "zod";
import { type AgentSpec, DEFAULT_LIMITS, DEFAULT_ON_ERROR, HANDLER_NAMES } from "../model.ts";
import {
  agentLimitsSchema,
  agentNameSchema,
  type DefinitionFields,
  errorPolicySchema,
  invalid,
  isolationSchema,
} from "./definition-fields.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected a sha-256 in 64 hex digits");

/** Reads an {@link AgentSpec}. */
export const agentSpecSchema: z.ZodType<AgentSpec> = z.strictObject({
  name: agentNameSchema,
  code: sha256,
  replaced: z.partialRecord(z.enum(HANDLER_NAMES), sha256.nullable()),
  isolation: isolationSchema,
  limits: agentLimitsSchema,
  onError: errorPolicySchema,
  owner: z.string().min(1).max(200),
}) as z.ZodType<AgentSpec>;

/** What a spec is made of. */
export interface SpecParts {
  /** What the definition says. */
  readonly fields: DefinitionFields;
  /** Hash of the prepared code. */
  readonly code: string;
  /** Who uploads it: the shell or stream. */
  readonly owner: string;
  /** Overrides the definition's. */
  readonly name?: string | undefined;
}

/**
 * The spec of an agent that is attached, with defaults for what its definition leaves out: name `agent`, isolation
 * `process`.
 *
 * @throws {MeanderError} `agent-invalid`: says which field, and what was expected
 */
export function makeSpec({ fields, code, owner, name }: SpecParts): AgentSpec {
  const spec = {
    name: name ?? fields.name ?? "agent",
    code,
    replaced: {},
    isolation: fields.isolation ?? "process",
    limits: { ...DEFAULT_LIMITS, ...fields.limits },
    onError: { ...DEFAULT_ON_ERROR, ...fields.onError },
    owner,
  } as const;
  const { data, error } = agentSpecSchema.safeParse(spec);
  if (error !== undefined) throw invalid(error, spec);
  return data;
}
