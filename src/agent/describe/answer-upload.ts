import { SystemClock, SystemRandom } from "../../base/index.ts";
import { loadTypeStripper, prepareCode } from "../../code/index.ts";
import type { SiteLink } from "../processes/index.ts";
import { readDescription } from "./read-description.ts";
import {
  packRefusal,
  packUpload,
  type UploadAnswer,
  type UploadRequest,
} from "./upload-messages.ts";

/**
 * Reads one upload in this process, which is locked down, and answers: the code before anything of it is evaluated.
 * Nothing else may run here before or after.
 */
export async function answerUpload(
  [, kind, source, file]: UploadRequest,
  link: Pick<SiteLink, "begin" | "put" | "leave">,
): Promise<void> {
  const answer = (message: UploadAnswer): void => {
    link.put(packUpload(message));
    link.leave();
  };
  // What is loaded from disk takes nothing of the upload's time.
  loadTypeStripper(file ?? undefined);
  link.begin(0);
  try {
    const { expression } = await prepareCode(kind, { source, file: file ?? undefined });
    answer(["prepared", expression]);
    if (kind === "handler") return;
    link.begin(0);
    const clock = new SystemClock();
    const random = new SystemRandom();
    const ambience = { now: () => clock.wall(), random: () => random.float() };
    const definition = readDescription(expression, ambience);
    // Not before its promise jobs have ended: those that never do are what it did.
    setImmediate(() => answer(["described", definition]));
  } catch (thrown) {
    answer(["refused", packRefusal(thrown)]);
  }
}
