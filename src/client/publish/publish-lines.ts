import { LIMITS, MeanderError, messageOf } from "../../base/index.ts";
import { holdInput, type Publication, type PublishOptions, publishingOf } from "./publication.ts";
import type { OverlongLine } from "./split-lines.ts";

/** A line that was not published. */
export interface RefusedLine {
  /** Its number, the first is 1. */
  readonly line: number;
  readonly byteLength: number;
  /** `message-too-large`. */
  readonly error: MeanderError;
}

/**
 * Publishes every line as a message, in order, each when the site has accepted the one before. Empty lines are
 * messages, too. One that is too large is left out, and the others are published.
 *
 * @param lines text, or bytes, which are published as they are
 * @param contentType of the messages: `text/plain`, `application/json`, `text/html`
 * @param options.onSent called with the number of messages accepted so far
 * @param options.onRefused called for a line that is left out
 * @throws {MeanderError} what the site refuses with
 */
export async function publishLines(
  lines: AsyncIterable<string | Uint8Array | OverlongLine>,
  contentType: string,
  options: PublishOptions & {
    onSent?(count: number): void;
    onRefused?(refused: RefusedLine): void;
  },
): Promise<Publication> {
  const publishing = publishingOf(options);
  const { client, channel } = publishing;
  // Before anything is awaited: readline buffers lines only for an existing iterator.
  const iterator = lines[Symbol.asyncIterator]();
  const answer = await client.publishData(channel, options);
  let stop = (): void => {};
  const stopped = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
  });
  const send = async (): Promise<MeanderError | undefined> => {
    let count = 0;
    for (let number = 1; ; number++) {
      const line = await Promise.race([iterator.next(), stopped]);
      if (line === undefined || line.done === true) return undefined;
      const { value } = line;
      const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
      try {
        if (!(bytes instanceof Uint8Array)) throw tooLarge(bytes.byteLength);
        if (bytes.byteLength > LIMITS.messageBytesMax) throw tooLarge(bytes.byteLength);
        await client.sendMessage(channel, contentType, bytes);
        options.onSent?.(++count);
      } catch (cause) {
        const error =
          cause instanceof MeanderError
            ? cause
            : new MeanderError("publication-lost", messageOf(cause));
        if (error.code !== "message-too-large") return error;
        options.onRefused?.({ line: number, byteLength: bytes.byteLength, error });
      }
    }
  };
  return holdInput(publishing, answer, { ended: send(), stop: () => stop() });
}

function tooLarge(byteLength: number): MeanderError {
  return new MeanderError("message-too-large", `a message of ${byteLength} bytes is too large`, {
    expected: `at most ${LIMITS.messageBytesMax}`,
    next: "publish it in parts, or publish a reference to it",
  });
}
