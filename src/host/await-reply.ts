import type { AppendAnswer } from "../agent/index.ts";
import { type Cancel, type Clock, MeanderError } from "../base/index.ts";
import type { ReplyWaiter } from "../stream/index.ts";

/**
 * Sends a message with `send` and waits until it is consumed.
 *
 * @param limits what ends the wait early; the message itself is still delivered
 * @param send returns the message's id, and what makes its window forget the waiter
 * @throws {MeanderError} `append-timeout`, `append-aborted`, and what the message ended with
 */
export function awaitReply(
  clock: Clock,
  {
    timeoutMs,
    signal,
  }: { readonly timeoutMs: number | undefined; readonly signal: AbortSignal | undefined },
  send: (waiter: ReplyWaiter) => { readonly id: string; readonly forget: () => void },
): Promise<AppendAnswer> {
  return new Promise((resolve, reject) => {
    let cancel: Cancel = () => {};
    const end = (): void => {
      cancel();
      signal?.removeEventListener("abort", abort);
    };
    const sent = send({
      resolve: (reply) => {
        end();
        resolve({ id: sent.id, reply });
      },
      reject: (error) => {
        end();
        reject(error);
      },
    });
    const giveUp = (code: string, what: string): void => {
      sent.forget();
      end();
      reject(
        new MeanderError(code, what, {
          where: `message ${sent.id}`,
          next: "it will still be delivered; see `meander why`",
        }),
      );
    };
    const abort = (): void => giveUp("append-aborted", "the caller stopped waiting");
    if (timeoutMs !== undefined)
      cancel = clock.after("append", timeoutMs, () =>
        giveUp("append-timeout", `the message was not consumed within ${timeoutMs} ms`),
      );
    if (signal?.aborted === true) abort();
    else signal?.addEventListener("abort", abort);
  });
}
