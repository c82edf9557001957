/**
 * The foundation of all layers: errors, clock, random numbers, queues, limits.
 *
 * @module
 */
export { AssertionFailed, assert, unreachable } from "./assert.ts";
export { BoundedQueue } from "./bounded-queue.ts";
export { type Cancel, type Clock, delay, every } from "./clock.ts";
export { Counters } from "./counters.ts";
export { DURATION_EXPECTED, formatDuration, parseDuration } from "./duration.ts";
export { type ErrorDetails, isAboutToken, MeanderError, messageOf } from "./errors.ts";
export { LIMITS } from "./limits.ts";
export {
  type Log,
  type LogFields,
  logOver,
  RESERVED_FIELDS,
  type Severity,
  SILENT,
  type WriteLine,
} from "./log.ts";
export { describeName, isName, type NameKind } from "./names.ts";
export { matchesPattern } from "./pattern.ts";
export { type Random, SeededRandom, SystemRandom } from "./random.ts";
export { serialAdd, serialDistance } from "./serial.ts";
export { SystemClock } from "./system-clock.ts";
export { type Rate, TokenBucket } from "./token-bucket.ts";
export { VirtualClock, type VirtualClockOptions } from "./virtual-clock.ts";
