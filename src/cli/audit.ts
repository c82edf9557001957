import type { Command } from "commander";
import { delay, LIMITS, MeanderError, messageOf, SystemClock } from "../base/index.ts";
import type { AuditPage, AuditQuestion, AuditRecord } from "../client/contract/index.ts";
import type { SiteClient } from "../client/index.ts";
import { encodeAuditLine } from "../trust/index.ts";
import { auditWords } from "../view/index.ts";
import { clientOf, type SiteArguments, wholeNumber, withSite } from "./arguments.ts";
import { clientAt } from "./site-named.ts";
import { openTerminal, type Paint, shown, type Terminal, table } from "./terminal.ts";

interface Arguments extends SiteArguments {
  readonly since?: string;
  readonly until?: string;
  readonly by?: string;
  readonly what?: string;
  readonly on?: string;
  readonly denied?: boolean;
  readonly limit?: string;
  readonly all?: boolean;
  readonly follow?: boolean;
}

const LIMIT_DEFAULT = 100;
/** Time between two looks of `--follow`, ms. */
const LOOK_MS = 500;
const COLOURS = { allowed: "green", denied: "red", failed: "yellow" } as const;

/** `meander audit` */
export function addAudit(program: Command): void {
  withSite(
    program
      .command("audit")
      .description("who did what at a site, and why that was allowed or refused")
      .option("--since <time>", "how far back, such as 1h, or a time such as 2026-11-30T14:00")
      .option("--until <time>", "the same for the end")
      .option("--by <who>", "a principal (subject:bob), its name (bob), or a label; bob* too")
      .option("--what <action>", "an action, such as stream.move or 'stream.*'")
      .option("--on <text>", "a part of what it was done on, such as 'stream radio'")
      .option("--denied", "only what was denied")
      .option("--limit <count>", `records of each site at most, the newest (${LIMIT_DEFAULT})`)
      .option("--all", "of all sites of the session, not of one alone")
      .option("--follow", "go on with what comes, until Ctrl-C"),
  ).action(async (options: Arguments) => {
    const terminal = openTerminal(options.json === true);
    const clients = options.all === true ? await clientsOf(options) : [clientOf(options)];
    const question = questionOf(options);
    const logs = await Promise.all(clients.map((client) => ask(client, question, terminal)));
    const pages = logs.flatMap(({ page }) => (page === undefined ? [] : [page]));
    const records = inOrder(pages);
    const hasSites = clients.length > 1;
    print(terminal, records, hasSites);
    if (options.follow !== true) {
      if (pages.some(({ more }) => more))
        terminal.note("there are older ones: see --limit and --until");
      return;
    }
    await follow(terminal, logs, question, hasSites);
  });
}

/** The log of one site, as it was asked last. */
interface Followed {
  readonly client: SiteClient;
  page: AuditPage | undefined;
}

function questionOf(options: Arguments): AuditQuestion {
  const { since, until, by, what, on, denied } = options;
  const limit = wholeNumber(options.limit, "--limit", 1, LIMITS.auditPageMax);
  if (options.follow === true && until !== undefined) {
    throw new MeanderError("arguments-invalid", "--follow has no end", {
      where: "meander audit",
      expected: "--follow or --until",
    });
  }
  return { since, until, by, what, on, denied, limit: limit ?? LIMIT_DEFAULT };
}

/** Every site of the session: the token is the same. */
async function clientsOf(options: Arguments): Promise<SiteClient[]> {
  const { sites } = await clientOf(options).session();
  return sites.map((record) => clientAt(options, record));
}

/** Of several sites, one that does not answer is told of, and left out. */
async function ask(
  client: SiteClient,
  question: AuditQuestion,
  terminal: Terminal,
): Promise<Followed> {
  try {
    return { client, page: await client.audit(question) };
  } catch (error) {
    if (!isAway(error)) throw error;
    terminal.note(`${client.url} is left out: ${messageOf(error)}`);
    return { client, page: undefined };
  }
}

function isAway(error: unknown): boolean {
  return error instanceof MeanderError && error.code === "site-unreachable";
}

async function follow(
  terminal: Terminal,
  logs: readonly Followed[],
  { since: _since, until: _until, ...question }: AuditQuestion,
  hasSites: boolean,
): Promise<void> {
  const clock = new SystemClock();
  let isOver = false;
  const finish = (): void => {
    isOver = true;
  };
  process.once("SIGINT", finish).once("SIGTERM", finish);
  process.stdout.on("error", finish);
  terminal.note("following; Ctrl-C ends it");
  while (!isOver) {
    await delay(clock, "audit", LOOK_MS);
    const pages = await Promise.all(
      logs.map(async (log) => {
        try {
          const page = await log.client.audit({ ...question, after: log.page?.next });
          // What was there before was asked for already.
          const isFirst = log.page === undefined;
          log.page = page;
          return isFirst ? [] : [page];
        } catch (error) {
          // It may be restarting.
          if (isAway(error)) return [];
          throw error;
        }
      }),
    );
    for (const record of inOrder(pages.flat())) printLine(terminal, record, hasSites);
  }
}

function inOrder(pages: readonly AuditPage[]): readonly AuditRecord[] {
  return pages.flatMap(({ records }) => records).sort((one, other) => one.at - other.at);
}

function print(terminal: Terminal, records: readonly AuditRecord[], hasSites: boolean): void {
  if (terminal.json) {
    for (const record of records) terminal.write(encodeAuditLine(record));
    return;
  }
  if (records.length === 0) terminal.note("nothing is recorded that matches");
  else terminal.write(`${shown(auditTable(records, terminal.paint, hasSites))}\n`);
}

function printLine(terminal: Terminal, record: AuditRecord, hasSites: boolean): void {
  if (terminal.json) terminal.write(encodeAuditLine(record));
  else terminal.write(`${shown(auditLine(record, terminal.paint, hasSites))}\n`);
}

/** Records for people, one on each line. @param hasSites with the site of each */
export function auditTable(
  records: readonly AuditRecord[],
  paint: Paint,
  hasSites: boolean,
): string {
  const head = [
    "TIME",
    ...(hasSites ? ["SITE"] : []),
    "VERDICT",
    "WHO",
    "FROM",
    "WHAT",
    "ON",
    "WHY",
  ];
  return table(
    paint,
    head,
    records.map((record) => cellsOf(record, paint, hasSites)),
  );
}

/** The same of one record that comes later, in columns of usual width. */
export function auditLine(record: AuditRecord, paint: Paint, hasSites: boolean): string {
  const plain = cellsOf(record, (_style, text) => text, hasSites);
  const painted = cellsOf(record, paint, hasSites);
  const widths = hasSites ? [14, 8, ...WIDTHS] : [14, ...WIDTHS];
  return painted
    .map((cell, index) => {
      const missing = (widths[index] ?? 0) - (plain[index]?.length ?? 0);
      return `${cell}${" ".repeat(Math.max(0, missing))}`;
    })
    .join("  ")
    .trimEnd();
}

/** Of verdict, who, from, what and on. */
const WIDTHS = [7, 20, 12, 16, 20];

function cellsOf(record: AuditRecord, paint: Paint, hasSites: boolean): readonly string[] {
  const { who, from, what, on, verdict, why } = auditWords(record);
  return [
    paint("dim", timeOf(record.at)),
    ...(hasSites ? [record.site] : []),
    paint(COLOURS[verdict], verdict),
    paint("bold", who),
    from,
    what,
    on,
    verdict === "allowed" ? paint("dim", why) : why,
  ];
}

/** `11-30 14:03:05`, in the time of this machine. */
function timeOf(at: number): string {
  const time = new Date(at);
  const two = (number: number): string => `${number}`.padStart(2, "0");
  const day = `${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}
