import { z } from "zod";
import { LIMITS, MeanderError } from "../../base/index.ts";
import { type AgentDefinition, HANDLER_NAMES, type Isolation } from "../model.ts";

/** Reads the name of an agent. */
export const agentNameSchema: z.ZodType<string> = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,40}$/, "expected 1 to 40 letters, digits, - and _");

/** Where an agent may run. `worker` is read as `process`, whose earlier name it is. */
export const isolationSchema: z.ZodType<Isolation> = z.preprocess(
  (value) => (value === "worker" ? "process" : value),
  z.enum(["inline", "process", "thread"]),
);

/** Reads the bounds of an agent, all of them. */
export const agentLimitsSchema = z.strictObject({
  handlerMs: z.int().min(1).max(LIMITS.handlerMsMax),
  memoryMb: z.int().min(1).max(LIMITS.agentMemoryMbMax),
  briefcaseBytes: z.int().min(1).max(LIMITS.directoryBlobBytesMax),
});

/** Reads what becomes of a message whose handler throws. */
export const errorPolicySchema = z.strictObject({
  retry: z.int().min(0).max(100),
  backoffMs: z.number().min(0).max(LIMITS.handlerMsMax),
  // biome-ignore lint/suspicious/noThenProperty: a field of the policy
  then: z.enum(["deadLetter", "skip", "halt"]),
});

/** The fields of a definition that are plain data. */
export interface DefinitionFields {
  readonly name?: AgentDefinition["name"];
  readonly isolation?: AgentDefinition["isolation"];
  readonly limits?: AgentDefinition["limits"];
  readonly onError?: AgentDefinition["onError"];
}

const aFunction = z.custom<unknown>(
  (value) => typeof value === "function",
  "expected a function (ctx, argument) => …",
);
const isObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const definitionSchema = z.strictObject({
  name: agentNameSchema.optional(),
  briefcase: z.custom<object>(isObject, "expected an object").optional(),
  isolation: isolationSchema.optional(),
  limits: agentLimitsSchema.partial().optional(),
  onError: errorPolicySchema.partial().optional(),
  on: z.strictObject(
    Object.fromEntries(HANDLER_NAMES.map((event) => [event, aFunction.optional()])),
  ),
});

/**
 * Checks an agent definition.
 *
 * @throws {MeanderError} `agent-invalid`: says which field, and what was expected
 */
export function checkDefinition(value: unknown): asserts value is AgentDefinition {
  if (!isObject(value)) {
    throw new MeanderError("agent-invalid", `got ${kindOf(value)}`, {
      where: "the definition",
      expected: "an object with `on`, the handlers by event",
    });
  }
  const { error } = definitionSchema.safeParse(value);
  if (error !== undefined) throw invalid(error, value);
}

/** The first thing that was wrong, as an error for people. */
export function invalid(error: z.ZodError, value: unknown): MeanderError {
  const [issue] = error.issues;
  if (issue === undefined) return new MeanderError("agent-invalid", "not an agent definition");
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    const where = [...path, issue.keys[0] ?? ""].join(".");
    const expected =
      path[0] === "on" ? HANDLER_NAMES.join(", ") : (KEYS[path.join(".")] ?? "no such field");
    const what = path[0] === "on" ? "there is no such event" : "there is no such field";
    return new MeanderError("agent-invalid", what, { where, expected });
  }
  const got = path.reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], value);
  return new MeanderError(
    "agent-invalid",
    got === undefined ? "it is missing" : `got ${kindOf(got)}`,
    {
      where: path.join("."),
      expected: expectedOf(issue),
    },
  );
}

const KEYS: Readonly<Record<string, string>> = {
  "": "name, briefcase, isolation, limits, onError, on",
  limits: "handlerMs, memoryMb, briefcaseBytes",
  onError: "retry, backoffMs, then",
};

function expectedOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "too_small":
      return `at least ${issue.minimum}`;
    case "too_big":
      return `at most ${issue.maximum}`;
    case "invalid_value":
      return issue.values.map((each) => JSON.stringify(each)).join(", ");
    case "invalid_type":
      return issue.expected === "int"
        ? "a whole number"
        : `${article(issue.expected)} ${issue.expected}`;
    default:
      return issue.message.replace(/^expected /, "");
  }
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? "an" : "a";
}

function kindOf(value: unknown): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    const text = JSON.stringify(value);
    return text.length > 60 ? `${text.slice(0, 60)}…` : text;
  }
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  return `${article(typeof value)} ${typeof value}`;
}
