/**
 * How much CPU time a site spends on each packet that it passes from one UDP input to N UDP subscribers, beside the least
 * that C and Node can do and beside GStreamer, on the same machine in the same run.
 *
 *   npm run bench -- fanout [--json] [--subscribers 10,100,1000] [--seconds 2] [--rounds 7] [--plot FILE]
 *
 * @module
 */
import { runFanout } from "./support/fanout-command.ts";

await runFanout({ bench: "fanout", native: true });
