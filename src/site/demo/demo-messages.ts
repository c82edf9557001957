/** What a demo's supervisor and its sites say to each other over the process channel. */
import { z } from "zod";

export type ToSupervisor =
  /** The site has joined. */
  | { readonly type: "up"; readonly url: string; readonly udpPort: number }
  /** Somebody asked this site to kill, stop or start one of the demo's. */
  | {
      readonly type: "act";
      readonly id: number;
      readonly site: string;
      readonly action: "kill" | "stop" | "start";
    };

export interface FromSupervisor {
  readonly type: "acted";
  readonly id: number;
  /** Undefined: done. */
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
