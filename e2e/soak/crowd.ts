/**
 * A process full of viewers of one channel, some of which come and go, for the soak. Reads one JSON line with what it
 * should be, prints a JSON line of stats whenever a line comes in, and the last after `finish SEQUENCE`.
 *
 * @module
 */
import { createInterface } from "node:readline";
import { SeededRandom, SystemClock } from "../../src/base/index.ts";
import type { Kind, SiteAddress } from "./crowd-sites.ts";
import { CrowdViewer } from "./crowd-viewer.ts";
import { SlowReader } from "./slow-reader.ts";

/** What a crowd is told first. */
export interface CrowdPlan {
  readonly name: string;
  readonly seed: number;
  readonly channel: string;
  /** Where viewers go; each has one of them as its best. */
  readonly sites: readonly SiteAddress[];
  readonly viewers: Readonly<Record<Kind, number>>;
  readonly slowReaders: number;
  /** Viewers that leave, and others that come, each second. */
  readonly churnPerSecond: number;
}

/** How a crowd fares. */
export interface CrowdStats {
  readonly viewers: number;
  readonly joins: number;
  readonly leaves: number;
  readonly packets: number;
  readonly lost: number;
  readonly gaps: number;
  readonly repeated: number;
  /** Numbers that are missing now and may still come. */
  readonly open: number;
  readonly refusals: number;
  readonly slowClosed: number;
  readonly slowOpen: number;
  /** Viewers that have not the last packet; only after `finish`. */
  readonly behind: number;
  readonly rssMb: number;
  /** What went wrong, the first of it in words. */
  readonly trouble: readonly string[];
}

/** Troubles that are told. */
const TROUBLE_MAX = 5;

/** Time in which everyone has to have the last packet, ms. */
const FINISH_MS_MAX = 30_000;

const clock = new SystemClock();
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const plan = JSON.parse((await lines.next()).value as string) as CrowdPlan;
const random = new SeededRandom(plan.seed);
const viewers = new Set<CrowdViewer>();
const slow = new Set<SlowReader>();
const sum = {
  joins: 0,
  leaves: 0,
  packets: 0,
  lost: 0,
  gaps: 0,
  repeated: 0,
  refusals: 0,
  slowClosed: 0,
};

/** The sites in an order of chance. */
function route(): SiteAddress[] {
  const rest = [...plan.sites];
  const order: SiteAddress[] = [];
  while (rest.length > 0) order.push(...rest.splice(random.below(rest.length), 1));
  return order;
}

async function join(kind: Kind): Promise<void> {
  const name = `${plan.name}-${sum.joins++}`;
  viewers.add(
    await CrowdViewer.open({ kind, name, channel: plan.channel, sites: route(), clock, random }),
  );
}

async function leave(viewer: CrowdViewer): Promise<void> {
  viewers.delete(viewer);
  sum.leaves++;
  add(viewer);
  await viewer.close();
}

const trouble: string[] = [];

function add({ account, gaps, refusals, trouble: theirs }: CrowdViewer): void {
  trouble.push(...theirs.slice(0, TROUBLE_MAX - trouble.length));
  sum.packets += account.packets;
  sum.lost += account.lost(clock.now());
  sum.repeated += account.repeated;
  sum.gaps += gaps;
  sum.refusals += refusals;
}

async function churn(): Promise<void> {
  const all = [...viewers];
  for (let each = 0; each < plan.churnPerSecond && all.length > 0; each++) {
    const [gone] = all.splice(random.below(all.length), 1);
    if (gone === undefined) continue;
    await leave(gone);
    await join(gone.kind);
  }
}

async function keepSlow(): Promise<void> {
  for (const reader of slow) {
    if (!reader.isClosed) continue;
    reader.close();
    slow.delete(reader);
    sum.slowClosed++;
  }
  while (slow.size < plan.slowReaders) {
    const site = plan.sites[random.below(plan.sites.length)] as SiteAddress;
    const pace = random.below(2) === 0 ? "never" : "drip";
    // A site that is being killed accepts no viewer.
    const reader = await SlowReader.open(site.http, plan.channel, pace).catch(() => undefined);
    if (reader === undefined) return;
    slow.add(reader);
  }
}

function stats(behind = 0): CrowdStats {
  const now = clock.now();
  const total = { ...sum };
  let open = 0;
  const told = [...trouble];
  for (const { account, kind } of viewers) {
    if (account.firstRepeat !== undefined) told.push(`${kind}: ${account.firstRepeat}`);
  }
  for (const { account, gaps, refusals, trouble: theirs } of viewers) {
    told.push(...theirs);
    total.packets += account.packets;
    total.lost += account.lost(now);
    total.repeated += account.repeated;
    total.gaps += gaps;
    total.refusals += refusals;
    open += account.open;
  }
  const rssMb = Math.round(process.memoryUsage.rss() / 1024 / 1024);
  return {
    viewers: viewers.size,
    ...total,
    open,
    slowOpen: slow.size,
    behind,
    rssMb,
    trouble: told.slice(0, TROUBLE_MAX),
  };
}

for (const kind of ["websocket", "tcp", "udp"] as const) {
  for (let each = 0; each < plan.viewers[kind]; each++) await join(kind);
}
let busy: Promise<void> = Promise.resolve();
const timer = setInterval(() => {
  busy = busy.then(churn).then(keepSlow);
}, 1_000);

for await (const line of { [Symbol.asyncIterator]: () => lines }) {
  const [verb, argument] = line.split(" ");
  if (verb !== "finish") {
    process.stdout.write(`${JSON.stringify(stats())}\n`);
    continue;
  }
  clearInterval(timer);
  await busy;
  for (const reader of slow) reader.close();
  const last = Number(argument);
  const end = clock.now() + FINISH_MS_MAX;
  const behind = (): number =>
    [...viewers].filter(({ account }) => !account.hasReached(last) || account.open > 0).length;
  while (behind() > 0 && clock.now() < end) await new Promise((done) => setTimeout(done, 50));
  process.stdout.write(`${JSON.stringify(stats(behind()))}\n`);
  process.exit(0);
}
