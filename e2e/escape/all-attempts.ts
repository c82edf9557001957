import { type Attempt, KINDS } from "./attempt.ts";
import { flood } from "./flood.ts";
import { leak } from "./leak.ts";
import { limits } from "./limits.ts";
import { memory } from "./memory.ts";
import { mutate } from "./mutate.ts";
import { reach } from "./reach.ts";
import { time } from "./time.ts";
import { values } from "./values.ts";

/** All attempts, by their kinds. */
export const ATTEMPTS: readonly Attempt[] = [
  ...[reach, mutate, leak, values, limits, time, memory, flood].flat(),
].sort((one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind));
