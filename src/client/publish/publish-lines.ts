import { MeanderError, messageOf } from "../../base/index.ts";
import { holdInput, type Publication, type PublishOptions, publishingOf } from "./publication.ts";

/**
 * Publishes every line as a message, in order, each when the site has accepted the one before.
 *
 * @param contentType of the messages: `text/plain`, `application/json`, `text/html`
 * @param options.onSent called with the number of messages accepted so far
 * @throws {MeanderError} what the site refuses with
 */
export async function publishLines(
  lines: AsyncIterable<string>,
  contentType: string,
  options: PublishOptions & { onSent?(count: number): void },
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
    for (;;) {
      const line = await Promise.race([iterator.next(), stopped]);
      if (line === undefined || line.done === true) return undefined;
      if (line.value === "") continue;
      try {
        await client.sendMessage(channel, contentType, line.value);
      } catch (error) {
        return error instanceof MeanderError
          ? error
          : new MeanderError("publication-lost", messageOf(error));
      }
      options.onSent?.(++count);
    }
  };
  return holdInput(publishing, answer, { ended: send(), stop: () => stop() });
}
