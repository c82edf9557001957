/** Names that both ends of a NATS arm use. */
export const SUBJECT = "bench.messages";
/** The subscriber answers each batch here, with the number of batches. */
export const DONE_SUBJECT = "bench-done";
export const STREAM = "bench";
export const CONSUMER = "sink";
