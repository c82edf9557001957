import { fstatSync } from "node:fs";

/**
 * Whether standard error goes to the journal: systemd names the file that does in `JOURNAL_STREAM` (systemd.exec(5)).
 */
export function isJournal(
  env: Readonly<Record<string, string | undefined>>,
  descriptor = 2,
): boolean {
  const stream = env["JOURNAL_STREAM"];
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
