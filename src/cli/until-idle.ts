import type { Inspection, Shell } from "../session/shell/index.ts";

/** How long to wait for streams to become idle. */
export interface IdleOptions {
  /** At most, ms. 0: not at all. */
  readonly timeoutMs: number;
}

const POLL_MS = 100;
/** What happened at another site is reported within this, ms. */
const QUIET_MS = 300;
/** Streams that are looked at, at most. */
const STREAMS_MAX = 100;

/**
 * Settles when streams, and those that they have appended to, have nothing left to do and nothing has been reported of
 * them
 * for a moment; or when the time is up.
 *
 * @param names of the streams; others are ignored
 * @returns the streams that are still busy
 */
export async function untilIdle(
  shell: Shell,
  names: Iterable<string>,
  { timeoutMs }: IdleOptions,
): Promise<readonly string[]> {
  const streams = new Set(names);
  if (streams.size === 0 || timeoutMs === 0) return [];
  const endsAt = shell.now() + timeoutMs;
  let eventAt = shell.now();
  const reader = shell.events();
  const read = async (): Promise<void> => {
    for await (const { stream } of reader) if (streams.has(stream)) eventAt = shell.now();
  };
  // The shell has ended; the next call throws the reason.
  const reading = read().catch(() => {});
  let busy: readonly string[] = [...streams];
  try {
    while (shell.now() < endsAt) {
      busy = await busyOf(shell, streams);
      if (busy.length === 0 && shell.now() - eventAt >= QUIET_MS) break;
      await shell.sleep(POLL_MS);
    }
    return busy;
  } finally {
    await reader.return();
    await reading;
  }
}

async function busyOf(shell: Shell, streams: Set<string>): Promise<readonly string[]> {
  const busy: string[] = [];
  for (const name of [...streams]) {
    const found = await shell.inspect(name).catch((error: unknown) => {
      const isGone = error instanceof Error && "code" in error && error.code === "stream-unknown";
      if (!isGone) busy.push(name);
      return undefined;
    });
    if (found === undefined) continue;
    if (isBusy(found)) busy.push(name);
    for (const receiver of found.receivers)
      if (streams.size < STREAMS_MAX) streams.add(receiver.name);
  }
  return busy;
}

/** Messages of a stream without agents, or one that halted, wait for someone to act. */
function isBusy({ agents, waiting, moving, current, receivers }: Inspection): boolean {
  if (moving) return true;
  if (receivers.some(({ unacknowledged }) => unacknowledged > 0)) return true;
  if (current !== undefined) return current.state !== "halted";
  return waiting > 0 && agents.length > 0;
}
