import { z } from "zod";
import { MeanderError } from "../base/index.ts";

/** Longest part of an error, characters; the rest is cut. */
const PART_LENGTH_MAX = 10_000;
const text = z.string().max(PART_LENGTH_MAX);

/** A MeanderError as it travels. */
export const wireErrorSchema = z.object({
  code: z.string().regex(/^[a-z][a-z0-9-]{0,99}$/),
  what: text,
  where: text.optional(),
  expected: text.optional(),
  next: text.optional(),
});

/** A MeanderError as it travels: its parts, so that the message is the same on arrival. */
export type WireError = z.infer<typeof wireErrorSchema>;

/** The parts of an error. */
export function encodeError(error: MeanderError): WireError {
  const { code, what, where, expected, next } = error;
  return {
    code,
    what: cut(what),
    ...(where === undefined ? {} : { where: cut(where) }),
    ...(expected === undefined ? {} : { expected: cut(expected) }),
    ...(next === undefined ? {} : { next: cut(next) }),
  };
}

/** The error again. */
export function decodeError(parts: WireError): MeanderError {
  const { code, what, where, expected, next } = parts;
  return new MeanderError(code, what, {
    ...(where === undefined ? {} : { where }),
    ...(expected === undefined ? {} : { expected }),
    ...(next === undefined ? {} : { next }),
  });
}

function cut(part: string): string {
  return part.slice(0, PART_LENGTH_MAX);
}
