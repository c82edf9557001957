import { type Clock, LIMITS, MeanderError, TokenBucket } from "../base/index.ts";
import { principalText } from "../trust/index.ts";
import type { MemberCaller } from "./caller.ts";
import { nameOf } from "./rights.ts";

/** What a blob costs beyond its bytes: a page of the store. */
const BLOB_OVERHEAD_BYTES = 4_096;
/** Members whose use is remembered. */
const REMEMBERED_MAX = 4 * LIMITS.directoryClientsMax;

/** [D26] What one member uses of a directory, over all its connections: so much, and no more. */
class MemberUse {
  readonly writes: TokenBucket;
  readonly writtenBytes: TokenBucket;
  readonly blobBytes: TokenBucket;
  /** Leases that it was granted, and until when they run without a renewal, ms. */
  readonly leases = new Map<string, { readonly ttlMs: number; until: number }>();

  constructor(clock: Clock) {
    const { directoryWritesPerSecond, directoryWritesBurst } = LIMITS;
    this.writes = new TokenBucket(clock, {
      perSecond: directoryWritesPerSecond,
      burst: directoryWritesBurst,
    });
    this.writtenBytes = new TokenBucket(clock, {
      perSecond: LIMITS.directoryWrittenBytesPerSecond,
      burst: LIMITS.directoryWrittenBytesBurst,
    });
    this.blobBytes = new TokenBucket(clock, {
      perSecond: LIMITS.directoryBlobBytesPerSecond,
      burst: LIMITS.directoryBlobBytesBurst,
    });
  }

  /** Whether nothing is lost when it is forgotten. */
  get isIdle(): boolean {
    const { writes, writtenBytes, blobBytes, leases } = this;
    return leases.size === 0 && writes.isFull && writtenBytes.isFull && blobBytes.isFull;
  }
}

/** [D26] What the members of a directory use of it, and whose its leases are. */
export class MembersUse {
  readonly #clock: Clock;
  readonly #members = new Map<string, MemberUse>();
  /** By lease, who was granted it. Of earlier leases, from before a restart, who named them first. */
  readonly #owners = new Map<string, string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Before a write. @param bytes of the value @throws {MeanderError} `rate-limited` */
  write(caller: MemberCaller, bytes: number): void {
    const use = this.#of(caller);
    if (!use.writes.take()) throw limited(caller, "writes", use.writes.waitMs());
    if (use.writtenBytes.take(bytes)) return;
    throw limited(caller, "written bytes", use.writtenBytes.waitMs(bytes));
  }

  /** Before a blob is sent. @throws {MeanderError} `rate-limited` */
  blob(caller: MemberCaller, bytes: number): void {
    const { blobBytes } = this.#of(caller);
    const cost = bytes + BLOB_OVERHEAD_BYTES;
    if (!blobBytes.take(cost)) throw limited(caller, "bytes of blobs", blobBytes.waitMs(cost));
  }

  /** Before a lease is granted. @throws {MeanderError} `rate-limited`, `directory-full` */
  lease(caller: MemberCaller): void {
    this.write(caller, 0);
    const { leases } = this.#of(caller);
    const now = this.#clock.now();
    for (const [id, { until }] of leases) if (until <= now) this.#forget(leases, id);
    const most = LIMITS.directoryLeasesPerMember;
    if (leases.size < most) return;
    throw new MeanderError(
      "directory-full",
      `${nameOf(caller)} has as many leases as it may have`,
      {
        where: "directory",
        expected: `at most ${most} leases that run`,
        next: "renew those, or revoke some",
      },
    );
  }

  /** A lease was granted. */
  granted(
    caller: MemberCaller,
    { id, ttlMs }: { readonly id: string; readonly ttlMs: number },
  ): void {
    this.#owners.set(id, principalText(caller.principal));
    this.#of(caller).leases.set(id, { ttlMs, until: this.#clock.now() + ttlMs });
  }

  /** Whether a member may renew and revoke a lease, and put keys under it. */
  owns(caller: MemberCaller, lease: string): boolean {
    const owner = this.#owners.get(lease);
    return owner === undefined || owner === principalText(caller.principal);
  }

  /** A lease was renewed. @param ttlMs of a lease from before the directory was served here */
  renewed(caller: MemberCaller, lease: string): void {
    const { leases } = this.#of(caller);
    const held = leases.get(lease);
    if (held !== undefined) held.until = this.#clock.now() + held.ttlMs;
    else this.granted(caller, { id: lease, ttlMs: LIMITS.leaseMs });
  }

  /** A lease was revoked. */
  revoked(caller: MemberCaller, lease: string): void {
    this.#forget(this.#of(caller).leases, lease);
  }

  #forget(leases: Map<string, unknown>, id: string): void {
    leases.delete(id);
    this.#owners.delete(id);
  }

  #of({ principal }: MemberCaller): MemberUse {
    const key = principalText(principal);
    let use = this.#members.get(key);
    if (use === undefined) {
      if (this.#members.size >= REMEMBERED_MAX) this.#forgetIdle();
      use = new MemberUse(this.#clock);
      this.#members.set(key, use);
    }
    return use;
  }

  #forgetIdle(): void {
    for (const [key, use] of this.#members) {
      const now = this.#clock.now();
      for (const [id, { until }] of use.leases) if (until <= now) this.#forget(use.leases, id);
      if (use.isIdle) this.#members.delete(key);
    }
  }
}

function limited(caller: MemberCaller, what: string, waitMs: number): MeanderError {
  return new MeanderError("rate-limited", `${nameOf(caller)} has used up its rate of ${what}`, {
    where: "directory",
    next: `try again in ${Math.ceil(waitMs / 1_000)} s`,
  });
}
