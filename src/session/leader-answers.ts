import type { z } from "zod";
import { MeanderError } from "../base/index.ts";
import type { Json } from "../directory/index.ts";

/** Reads what the leader answered. @throws {MeanderError} `directory-answer-invalid` */
export function readAnswer<T>(schema: z.ZodType<T>, subject: string, answer: Json): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new MeanderError("directory-answer-invalid", `not an answer to ${subject}`, {
    where: "directory",
  });
}

const OUTAGES: readonly string[] = [
  "directory-unreachable",
  "directory-no-leader",
  "directory-busy",
  "leader-busy",
];

/** Whether a failure ends by itself when the leading site is back. */
export function isOutage(error: unknown): boolean {
  return error instanceof MeanderError && OUTAGES.includes(error.code);
}
