import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Clock } from "../../../src/base/index.ts";
import {
  type Change,
  changesBetween,
  type Network,
  UNKNOWN_NETWORK,
} from "../../../src/view/index.ts";
import type { SessionToken } from "../../token/session-token.ts";
import { Poller } from "./poller.ts";

/** Most lines in the list of events. */
const LINE_COUNT_MAX = 200;

/** One line of the list of events. */
export interface EventLine extends Change {
  /** Unique and increasing. */
  readonly id: number;
  /** Wall clock, ms. */
  readonly at: number;
}

/** The session, live. */
export interface LiveSession {
  readonly network: Network;
  /** Newest first. */
  readonly lines: readonly EventLine[];
  readonly poller: Poller;
  /** Adds a line. */
  say(change: Change): void;
}

/** Polls the session while mounted. */
export function useSession(clock: Clock, origin: string, token: SessionToken): LiveSession {
  const [network, setNetwork] = useState(UNKNOWN_NETWORK);
  const [lines, setLines] = useState<readonly EventLine[]>([]);
  const nextId = useRef(1);

  const tell = useCallback(
    (changes: readonly Change[]): void => {
      if (changes.length === 0) return;
      const at = clock.wall();
      const added = changes.map((change) => ({ ...change, at, id: nextId.current++ })).reverse();
      setLines((before) => [...added, ...before].slice(0, LINE_COUNT_MAX));
    },
    [clock],
  );

  const poller = useMemo(() => {
    let last = UNKNOWN_NETWORK;
    return new Poller({
      clock,
      origin,
      token,
      onChange(next) {
        tell(changesBetween(last, next));
        last = next;
        setNetwork(next);
      },
    });
  }, [clock, origin, token, tell]);

  useEffect(() => {
    poller.start();
    return () => poller.stop();
  }, [poller]);

  const say = useCallback((change: Change) => tell([change]), [tell]);
  return { network, lines, poller, say };
}
