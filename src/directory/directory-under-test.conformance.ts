/** What the parts of the conformance suite share. */
import type { VirtualClock } from "../base/index.ts";
import type { Caller } from "./caller.ts";
import type { Directory, RequestHandler } from "./directory.ts";
import type { LeaderDirectory } from "./leader-directory.ts";
import type { DirectoryRights } from "./rights.ts";
import type { SiteCalls } from "./site-calls.ts";

/** A directory to examine, and the world around it. */
export interface DirectoryUnderTest extends AsyncDisposable {
  readonly directory: Directory;
  /** Clock of the leases, and of the directory. */
  readonly clock: VirtualClock;
  /** The leader's end of site calls. */
  readonly sites: SiteCalls;
  /** Who its requests come from, as the leader sees it. */
  readonly caller: Caller;
  /** Sets who answers requests. */
  answer(handler: RequestHandler | undefined): void;
}

/** A leader's directory to examine, and the world around it. */
export interface LeaderDirectoryUnderTest extends AsyncDisposable {
  readonly directory: LeaderDirectory;
  /** Its clock. */
  readonly clock: VirtualClock;
}

/** Every client may do everything: what is examined is the directory. */
export const ALL_RIGHTS: DirectoryRights = {
  mayRead: () => true,
  mayList: () => true,
  mayWrite: () => true,
  mayServe: () => true,
};

/** Tests one rule with a new directory. */
export type Rule = (text: string, body: (under: DirectoryUnderTest) => Promise<void>) => void;

/** Settles when something is so that needs turns of the event loop, not time. */
export async function turnsUntil(check: () => boolean): Promise<void> {
  while (!check()) await new Promise<void>((resolve) => setImmediate(resolve));
}
