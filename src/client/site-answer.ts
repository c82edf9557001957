import { z } from "zod";

/** What a site answers when it refuses a request. */
export const errorSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    where: z.string().optional(),
    expected: z.string().optional(),
    next: z.string().optional(),
  }),
});
