import { useEffect, useState } from "preact/hooks";
import { type Clock, every } from "../../../src/base/index.ts";
import type { SessionToken } from "../../token/session-token.ts";
import { ask } from "./ask.ts";

/** What was asked for: the newest answer that came, and why none comes now. */
export interface Report<T> {
  readonly value: T | undefined;
  readonly failure: string | undefined;
}

/** Asks a site again and again while mounted. Another address starts again; undefined asks no site. */
export function useReport<T extends object>(
  clock: Clock,
  url: string | undefined,
  periodMs: number,
  isWanted: (value: unknown) => value is T,
  token: SessionToken,
): Report<T> {
  const [report, setReport] = useState<Report<T>>(NOTHING);

  useEffect(() => {
    setReport(NOTHING);
    if (url === undefined) return undefined;
    let isOver = false;
    let isAsking = false;
    const look = async (): Promise<void> => {
      if (isAsking) return;
      isAsking = true;
      const answer = await ask(clock, url, isWanted, token);
      isAsking = false;
      if (isOver) return;
      setReport((before) =>
        typeof answer === "string"
          ? { value: before.value, failure: answer }
          : { value: answer, failure: undefined },
      );
    };
    void look();
    const stop = every(clock, "console report", periodMs, () => void look());
    return () => {
      isOver = true;
      stop();
    };
  }, [clock, url, periodMs, isWanted, token]);

  return report;
}

const NOTHING = { value: undefined, failure: undefined };
