import { MeanderError } from "../base/index.ts";

/** A command or request for a stream that is not at this site. */
export function notHere(name: string): MeanderError {
  return new MeanderError("stream-gone", "the stream is not at this site", {
    where: `stream ${name}`,
    next: "retry",
  });
}
