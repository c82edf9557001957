import { get } from "node:http";
import { z } from "zod";
import type { Clock } from "../base/index.ts";
import type { SiteRecord } from "../session/index.ts";
import { formatAddress } from "../transport/index.ts";

/** How long a program at that port may take to identify itself, ms. */
const ANSWER_MS_MAX = 1_000;
/** Bytes of an answer that are read: the site's record is at its front. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

const answerSchema = z.object({ site: z.object({ name: z.string(), instance: z.number() }) });

/**
 * Whether a site's process has certainly ended: no program listens at its HTTP port any more, or another run of a site
 * does.
 * False also in doubt: no answer, no route, or a program at that port that is not a site.
 */
export async function hasEnded(record: SiteRecord, clock: Clock): Promise<boolean> {
  const there = await ask(record, clock);
  if (there === "refused") return true;
  return there !== undefined && there.instance !== record.instance;
}

function ask(
  { http: { host, port } }: SiteRecord,
  clock: Clock,
): Promise<"refused" | { readonly instance: number } | undefined> {
  return new Promise((resolve) => {
    const url = `http://${formatAddress(host, port)}/api/site`;
    const request = get(url, { agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
        if (text.length > ANSWER_BYTES_MAX) request.destroy();
      });
      response.on("end", () => end(siteIn(text)));
      response.on("error", () => end(undefined));
    });
    const cancel = clock.after("who is there", ANSWER_MS_MAX, () => request.destroy());
    const end = (found: "refused" | { readonly instance: number } | undefined): void => {
      cancel();
      resolve(found);
    };
    request.on("error", (error: NodeJS.ErrnoException) =>
      end(error.code === "ECONNREFUSED" ? "refused" : undefined),
    );
    request.on("close", () => end(undefined));
  });
}

function siteIn(text: string): { readonly instance: number } | undefined {
  try {
    return answerSchema.safeParse(JSON.parse(text)).data?.site;
  } catch {
    return undefined;
  }
}
