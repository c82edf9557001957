import { z } from "zod";
import type { Directory } from "../directory/index.ts";

/** Below it the directory has owners whose agents do not run, by the token that was revoked, or by site. [A75] */
export const BARRED_KEYS = "access/barred/";

/** An owner whose agents do not run. */
export interface BarredOwner {
  /** As agents have it: `subject:alice`, `site:north`. */
  readonly owner: string;
  /** Since when; wall clock, ms. */
  readonly at: number;
}

/** Reads the value of `access/barred/ID`. */
export const barredOwnerSchema: z.ZodType<BarredOwner> = z.object({
  owner: z.string().min(1).max(200),
  at: z.number(),
});

/** What {@link barOwner} and {@link letOwner} write to. */
type Ports = Pick<Directory, "list" | "put" | "delete">;

/** [A75] Agents of an owner run no more, at any site. @param id of the entry. @returns whether that is new */
export async function barOwner(
  directory: Ports,
  id: string,
  barred: BarredOwner,
): Promise<boolean> {
  if ((await keysOf(directory, barred.owner)).length > 0) return false;
  await directory.put(BARRED_KEYS + id, { ...barred });
  return true;
}

/** [A75] They run again. @returns whether they did not */
export async function letOwner(directory: Ports, owner: string): Promise<boolean> {
  const keys = await keysOf(directory, owner);
  for (const key of keys) await directory.delete(key);
  return keys.length > 0;
}

async function keysOf(directory: Pick<Directory, "list">, owner: string): Promise<string[]> {
  const entries = await directory.list(BARRED_KEYS);
  return entries
    .filter(({ value }) => barredOwnerSchema.safeParse(value).data?.owner === owner)
    .map(({ key }) => key);
}
