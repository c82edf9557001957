import assert from "node:assert/strict";
import { test } from "node:test";
import { encodePacket, KIND, MEDIUM } from "../wire/index.ts";
import { InBandLog } from "./in-band-log.ts";

let made = 0;
function message(medium: number = MEDIUM.control, source = 0): Uint8Array {
  const header = { kind: KIND.control, flags: 0, channel: 1, source, medium };
  return encodePacket({ ...header, sourceGeneration: 0, sequence: made++ }, new Uint8Array());
}

test("messages are returned in order, up to a place among the packets", () => {
  const log = new InBandLog();
  assert.equal(log.newest, -1);
  assert.equal(log.next(-1, 100), undefined);
  const [first, second] = [message(), message()];
  log.add("description", first, 10);
  log.add("bye", second, 20);
  assert.equal(log.newest, 1);
  assert.equal(log.next(-1, 9), undefined);
  assert.equal(log.next(-1, 10)?.packet, first);
  assert.equal(log.next(0, 19), undefined);
  assert.equal(log.next(0, 20)?.packet, second);
  assert.equal(log.next(1, 1_000), undefined);
});

test("at a place stand the newest description, and the newest report of each source", () => {
  const log = new InBandLog();
  const old = message();
  const now = message();
  const later = message();
  const reports = [message(1, 7), message(1, 7), message(1, 8), message(2, 7)];
  log.add("description", old, 0);
  log.add("description", now, 5);
  for (const report of reports) log.add("report", report, 6);
  log.add("bye", message(1, 7), 7);
  log.add("description", later, 8);
  const { entries, serial } = log.standing(7);
  assert.deepEqual(
    entries.map(({ packet }) => packet),
    [now, ...reports.slice(1)],
  );
  assert.equal(serial, 6);
  assert.equal(log.next(serial, 8)?.packet, later);
});

test("only the last messages are kept; one who stands before them continues with the oldest kept", () => {
  const log = new InBandLog();
  const packets = Array.from({ length: 3_000 }, (_, index) => {
    const packet = message();
    log.add("description", packet, index);
    return packet;
  });
  const seen: Uint8Array[] = [];
  let serial = -1;
  for (;;) {
    const entry = log.next(serial, 10_000);
    if (entry === undefined) break;
    serial = entry.serial;
    seen.push(entry.packet);
  }
  assert.ok(seen.length >= 256 && seen.length < 512, String(seen.length));
  assert.deepEqual(seen, packets.slice(-seen.length));
});
