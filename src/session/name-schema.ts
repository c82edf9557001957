import { z } from "zod";
import { describeName, isName, type NameKind } from "../base/index.ts";

/** Reads the name of something. */
export function nameSchema(kind: NameKind): z.ZodType<string> {
  return z
    .string()
    .refine((text) => isName(kind, text), { error: `expected ${describeName(kind)}` });
}
