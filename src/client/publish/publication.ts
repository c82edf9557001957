import {
  type Clock,
  isAboutToken,
  type Log,
  MeanderError,
  messageOf,
  type Random,
  SILENT,
  SystemClock,
  SystemRandom,
} from "../../base/index.ts";
import type { PublishAnswer } from "../contract/views.ts";
import { type PublishSettings, SiteClient, type SiteCredentials } from "../site-client.ts";

/** What every kind of publishing needs. */
export interface PublishOptions extends PublishSettings, SiteCredentials {
  /** Address of the site to publish at: `http://127.0.0.1:7000`. */
  readonly site: string;
  readonly channel: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
}

/** {@link PublishOptions} with its defaults, and the site's client. */
export type Publishing = PublishOptions &
  Required<Pick<PublishOptions, "clock" | "random" | "log">> & { readonly client: SiteClient };

/** Fills in the defaults. @throws {MeanderError} `address-invalid` */
export function publishingOf<T extends PublishOptions>(options: T): T & Publishing {
  const ports = { clock: new SystemClock(), random: new SystemRandom(), log: SILENT };
  return { ...ports, ...options, client: new SiteClient(options.site, options) };
}

/** Something that is being published at a site. */
export interface Publication {
  /** Where its packets go. */
  readonly answer: PublishAnswer;
  /**
   * Settles when it has ended and the input is closed: undefined in order, else why. Never rejects.
   *
   * Codes: `publication-lost` when the site or its input went away, `token-…` when its token ended, `ffmpeg-failed`.
   */
  readonly ended: Promise<MeanderError | undefined>;
  /** Ends it in order. Idempotent. */
  close(): Promise<void>;
}

/** How often a publisher checks that its site still listens, ms. */
const LOOK_MS = 1_000;
/** Checks in a row that may find no input: a site that has just started again opens it within a second. */
const MISSING_MAX = 3;
/** Checks in a row that may find no site: one that restarts takes seconds, and then has the input on the same ports. */
const SILENT_MAX = 20;

/**
 * Holds an input that was opened at a site: watches that it stays, and closes it at the end.
 *
 * @param run ends by itself when there is nothing more to publish; `stop` must end it
 */
export function holdInput(
  options: Publishing,
  answer: PublishAnswer,
  run: { readonly ended: Promise<MeanderError | undefined>; stop(): void },
): Publication {
  const { client, channel, clock, input = "main" } = options;
  let [missing, silent] = [0, 0];
  let cancel = (): void => {};
  let lose: (error: MeanderError) => void = () => {};
  let isOver = false;
  const lost = new Promise<MeanderError>((resolve) => {
    lose = resolve;
  });
  const look = async (): Promise<void> => {
    const found = await lookAt(client, channel, input);
    if (isOver) return;
    // With the same token, every further check would be refused, too.
    if (found.type === "refused") return lose(found.error);
    missing = found.type === "missing" ? missing + 1 : 0;
    silent = found.type === "silent" ? silent + 1 : 0;
    if (found.type === "there" || (missing < MISSING_MAX && silent < SILENT_MAX))
      cancel = clock.after("look", LOOK_MS, () => void look());
    else
      lose(
        new MeanderError("publication-lost", found.reason, {
          where: `${client.url}, input ${input} of ${channel}`,
          next: "publish again",
        }),
      );
  };
  cancel = clock.after("look", LOOK_MS, () => void look());
  const ended = Promise.race([run.ended, lost]).then(async (error) => {
    isOver = true;
    cancel();
    run.stop();
    await run.ended;
    // A lost input cannot be closed.
    if (error === undefined || !isLoss(error))
      await client.unpublish(channel, input).catch(() => {});
    return error;
  });
  return {
    answer,
    ended,
    close: async () => {
      run.stop();
      await ended;
    },
  };
}

/** What a publisher finds at its site. */
type Found =
  | { readonly type: "there" }
  | { readonly type: "missing" | "silent"; readonly reason: string }
  | { readonly type: "refused"; readonly error: MeanderError };

async function lookAt(client: SiteClient, channel: string, input: string): Promise<Found> {
  try {
    const { snapshot } = await client.channel(channel);
    const isThere =
      snapshot?.inputs.some(({ name, kind }) => name === input && kind !== "site") ?? false;
    if (isThere) return { type: "there" };
    return { type: "missing", reason: "the site no longer has that input" };
  } catch (error) {
    if (error instanceof MeanderError && isAboutToken(error.code))
      return { type: "refused", error };
    return { type: "silent", reason: messageOf(error) };
  }
}

/** Whether the input is gone, or not for this publisher to close any more. */
function isLoss({ code }: MeanderError): boolean {
  return code === "publication-lost" || isAboutToken(code);
}
