import { MeanderError } from "../base/index.ts";
import { type ControlContext, reachable } from "./control-context.ts";
import type { StreamRecord } from "./stream-records.ts";
import type { SetKeeper } from "./stream-requests.ts";

/**
 * Notes that the host of a stream has put its record at another keeper.
 *
 * @param from the site that asks
 * @throws {MeanderError} `stream-unknown`, `principal-refused`, `stream-epoch-passed` when the stream is elsewhere by
 *   now, `site-unknown`, `site-gone`, `leader-fenced`, `leader-busy`
 */
export async function setKeeper(
  context: ControlContext,
  name: string,
  { streamEpoch, keeper }: SetKeeper,
  from: string | undefined,
): Promise<StreamRecord> {
  const held = await context.store.get(name);
  const { record } = held;
  if (record.streamEpoch !== streamEpoch) {
    throw new MeanderError(
      "stream-epoch-passed",
      `it has reached streamEpoch ${record.streamEpoch}`,
      {
        where: `stream ${name}`,
        expected: `${streamEpoch}`,
        next: `ask site ${record.site}, where it is now`,
      },
    );
  }
  if (record.site !== from) {
    throw new MeanderError("principal-refused", "only its host says where its record is", {
      where: `request set-keeper of site ${from ?? "?"}`,
      expected: `site ${record.site}`,
    });
  }
  if (record.keeper === keeper) return record;
  reachable(context, keeper);
  return (await context.store.replace(held, { ...record, keeper })).record;
}
