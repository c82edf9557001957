import type { Sample, TrackBuffer } from "./track-buffer.ts";

/** Releases what the buffers hold, in order of time, as far as each buffer's own order permits. */
export function* inOrder(
  buffers: readonly TrackBuffer[],
): Generator<{ readonly buffer: TrackBuffer; readonly sample: Sample }> {
  const queues = buffers.map((buffer) => ({ buffer, samples: buffer.release() }));
  const msOf = ({ buffer, samples }: (typeof queues)[number]): number =>
    buffer.clock.peek((samples[0] as Sample).time) ?? 0;
  for (;;) {
    const waiting = queues.filter(({ samples }) => samples.length > 0);
    waiting.sort((left, right) => msOf(left) - msOf(right));
    const next = waiting[0];
    const sample = next?.samples.shift();
    if (next === undefined || sample === undefined) return;
    yield { buffer: next.buffer, sample };
  }
}
