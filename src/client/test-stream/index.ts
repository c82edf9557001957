/**
 * Test streams: packets of one size at an even pace, each with its number and time, and what became of them on their
 * way. The TestServer and TestClient of the Reflector paper (6.3).
 *
 * @module
 */
export {
  type LoggedArrival,
  receiveTestStream,
  type TestReceiver,
  type TestReceiverEvents,
  type TestReceiverStats,
} from "./receive-test-stream.ts";
export {
  sendTestStream,
  type TestPublication,
  type TestSendCounts,
  type TestSending,
} from "./send-test-stream.ts";
export type { TestCounts, TimeSpread } from "./test-account.ts";
