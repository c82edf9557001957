/** Messages between the supervisor of a demo and its sites, over the process channel. */
import { z } from "zod";

export type ToSupervisor =
  /** The site has joined. */
  | { readonly type: "up"; readonly url: string; readonly udpPort: number }
  /** A client asked this site to kill, stop or start a site of the demo. */
  | {
      readonly type: "act";
      readonly id: number;
      readonly site: string;
      readonly action: "kill" | "stop" | "start";
    };

export interface FromSupervisor {
  readonly type: "acted";
  readonly id: number;
  /** Why it was not done; undefined: done. */
  readonly error?:
    | { readonly code: string; readonly what: string; readonly expected?: string | undefined }
    | undefined;
}

export const toSupervisorSchema: z.ZodType<ToSupervisor> = z.discriminatedUnion("type", [
  z.object({ type: z.literal("up"), url: z.string(), udpPort: z.number() }),
  z.object({
    type: z.literal("act"),
    id: z.number(),
    site: z.string(),
    action: z.enum(["kill", "stop", "start"]),
  }),
]);

export const fromSupervisorSchema: z.ZodType<FromSupervisor> = z.object({
  type: z.literal("acted"),
  id: z.number(),
  error: z
    .object({ code: z.string(), what: z.string(), expected: z.string().optional() })
    .optional(),
});
