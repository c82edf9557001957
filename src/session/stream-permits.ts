import { LIMITS } from "../base/index.ts";
import { authorise, type ControlContext, hostOf } from "./control-context.ts";
import type { PermitAction } from "./stream-requests.ts";

/**
 * [A34] Has the site of a stream permit another site one action, which the leader has judged: that site can check who
 * asks no more than it could check a token without becoming able to show it.
 *
 * @param from the site that asks
 * @throws {MeanderError} `stream-unknown`, `stream-lost`, `denied`, `token-denied`, `site-gone`, `site-timeout`
 */
export async function permitAction(
  context: ControlContext,
  { stream, action, by }: PermitAction,
  from: string | undefined,
): Promise<{ readonly permit: string }> {
  const { store, contact, random } = context;
  const held = await store.get(stream);
  const { record } = held;
  await authorise(context, { action, by, stream, site: record.site, record });
  const words = Array.from({ length: 4 }, () => random.uint32().toString(16).padStart(8, "0"));
  const permit = words.join("");
  const command = { type: "permit", permit, site: from ?? "", stream, action } as const;
  await contact.call(hostOf(held), command, LIMITS.controlCallMs);
  return { permit };
}
