import { Packr } from "msgpackr";
import { MeanderError, messageOf } from "../../base/index.ts";
import { CodeError, type CodeErrorCode, type CodeSource } from "../../code/index.ts";
import { HANDLER_NAMES } from "../model.ts";
import type { DefinitionDescription } from "./description.ts";

/** What a site asks of the process that reads an upload. */
export type UploadRequest = readonly [
  type: "read",
  kind: "agent" | "handler",
  source: string,
  file: string | null,
];

/** What the process answers: first the code, then, of an agent, its definition; or why not. */
export type UploadAnswer =
  | readonly ["prepared", expression: string]
  | readonly ["described", definition: DefinitionDescription]
  | readonly ["refused", error: PackedRefusal];

type PackedRefusal = readonly [
  code: string,
  what: string,
  where: string | null,
  expected: string | null,
  next: string | null,
  /** Of a {@link CodeError}: from 1. */
  line: number | null,
  column: number | null,
];

const packr = new Packr({ useRecords: false });
const unpackr = new Packr({ useRecords: false, copyBuffers: true });

/** As bytes that belong to the caller. */
export function packUpload(message: UploadRequest | UploadAnswer): Uint8Array {
  return new Uint8Array(packr.pack(message));
}

/** Undefined for other bytes. */
export function unpackRequest(bytes: Uint8Array): UploadRequest | undefined {
  const message = unpackr.unpackMultiple(bytes)[0] as UploadRequest | undefined;
  return message?.[0] === "read" ? message : undefined;
}

/** Undefined when they are not such: code that got out of its compartment could send anything. */
export function unpackAnswers(bytes: Uint8Array): readonly UploadAnswer[] | undefined {
  try {
    const answers = unpackr.unpackMultiple(bytes) as unknown[];
    return answers.every(isAnswer) ? (answers as UploadAnswer[]) : undefined;
  } catch {
    return undefined;
  }
}

export function packRefusal(thrown: unknown): PackedRefusal {
  if (!(thrown instanceof MeanderError)) {
    return ["code-failed", messageOf(thrown), null, null, null, null, null];
  }
  const { code, what, where, expected, next } = thrown;
  const place = thrown instanceof CodeError ? thrown.place : undefined;
  const details = [where ?? null, expected ?? null, next ?? null] as const;
  return [code, what, ...details, place?.line ?? null, place?.column ?? null];
}

/** The error again; of code with a place, with its picture. */
export function refusalOf(packed: PackedRefusal, { source, file }: CodeSource): MeanderError {
  const [code, what, where, expected, next, line, column] = packed;
  const details = {
    ...(expected === null ? {} : { expected }),
    ...(next === null ? {} : { next }),
  };
  if (line === null || column === null) {
    return new MeanderError(code, what, { ...(where === null ? {} : { where }), ...details });
  }
  const shown = where?.replace(/:\d+:\d+$/, "") ?? file ?? "agent";
  const upload = { text: source, file: shown, prefix: "" };
  return new CodeError(code as CodeErrorCode, what, upload, { line, column: column - 1 }, details);
}

function isAnswer(value: unknown): value is UploadAnswer {
  if (!Array.isArray(value)) return false;
  const [type, body] = value as readonly unknown[];
  if (type === "prepared") return typeof body === "string";
  if (type === "described") return isDescription(body);
  return type === "refused" && isRefusal(body);
}

function isRefusal(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [code, what, where, expected, next, line, column] = value as readonly unknown[];
  return (
    typeof code === "string" &&
    typeof what === "string" &&
    [where, expected, next].every((each) => each === null || typeof each === "string") &&
    [line, column].every((each) => each === null || Number.isInteger(each))
  );
}

/** The fields are checked again where a spec is made of them. */
function isDescription(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { briefcase, handlers } = value as Partial<Record<keyof DefinitionDescription, unknown>>;
  return (
    briefcase instanceof Uint8Array &&
    Array.isArray(handlers) &&
    handlers.every((each) => HANDLER_NAMES.includes(each))
  );
}
