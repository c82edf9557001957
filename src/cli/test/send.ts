import type { Command } from "commander";
import { every, SystemClock } from "../../base/index.ts";
import type { TestSendCounts } from "../../client/test-stream/index.ts";
import { formatBitRate, formatMs } from "../../view/index.ts";
import { bitRateOf, type SiteArguments, secondsOf, wholeNumber, withSite } from "../arguments.ts";
import { credentialsOf } from "../credentials.ts";
import { openTerminal } from "../terminal.ts";

interface Arguments extends SiteArguments {
  readonly rate: string;
  readonly pps: string;
  readonly adapt: string;
  readonly seconds?: string;
  readonly input: string;
  readonly replace?: boolean;
}

const SHOWN_MS = 250;
const PPS_MAX = 100_000;
const ADAPT_SECONDS_MAX = 3_600;
const SECONDS_MAX = 31_536_000;

/** `meander test send` */
export function addSend(test: Command): void {
  withSite(
    test
      .command("send")
      .description("publish numbered packets of one size at an even pace, until Ctrl-C")
      .argument("<channel>", "name of the channel")
      .option("--rate <bits>", "bits per second of RTP, such as 45k or 1.2M", "1.2M")
      .option("--pps <count>", "packets per second; each has the rate divided by this", "30")
      .option(
        "--adapt <seconds>",
        "how often the interval is corrected so that the output keeps the rate; 0: never",
        "1",
      )
      .option("--seconds <count>", "end after so long (Ctrl-C)")
      .option("--input <name>", "name of the input among the channel's", "main")
      .option("--replace", "close an input of that name first"),
  ).action(async (channel: string, options: Arguments) => {
    const terminal = openTerminal(options.json === true);
    const adaptMs = secondsOf(options.adapt, "--adapt", 0, ADAPT_SECONDS_MAX);
    const sending = {
      bitsPerSecond: bitRateOf(options.rate, "--rate"),
      packetsPerSecond: wholeNumber(options.pps, "--pps", 1, PPS_MAX) ?? 0,
      adaptMs: adaptMs === 0 ? undefined : adaptMs,
      durationMs: secondsOf(options.seconds, "--seconds", 0.001, SECONDS_MAX),
    };
    const { sendTestStream } = await import("../../client/test-stream/index.ts");
    const { input, replace, site } = options;
    const publication = await sendTestStream(sending, {
      ...{ site, channel, input, replace },
      ...credentialsOf(site, options),
    });
    const finish = (): void => void publication.close();
    process.once("SIGINT", finish).once("SIGTERM", finish);
    const { packetBytes, run } = publication.counts;
    const answer = { type: "sending", channel, run, packetBytes };
    if (terminal.json) terminal.show(answer, () => "");
    else terminal.note(`sending packets of ${packetBytes} bytes on ${channel}`);
    const hide = every(new SystemClock(), "progress", SHOWN_MS, () =>
      terminal.progress(lineOf(publication.counts)),
    );
    const error = await publication.ended;
    hide();
    if (error !== undefined) throw error;
    const { counts } = publication;
    terminal.show({ type: "ended", channel, ...counts }, () => lineOf(counts));
  });
}

function lineOf({ bitsPerSecond, corrections, intervalMs, sent }: TestSendCounts): string {
  const corrected = corrections === 0 ? "" : `, corrected ${corrections} times`;
  const rate = formatBitRate(bitsPerSecond);
  return `${sent} packets sent, ${rate} on average, one each ${formatMs(intervalMs)}${corrected}`;
}
