/**
 * The bench `fanout` with a site that makes no native calls: what is left where there is no library for them, or where
 * they are switched off. Same options, same answer.
 *
 * @module
 */
import { runFanout } from "./support/fanout-command.ts";

await runFanout({ bench: "fallback", native: false });
