import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { z } from "zod";

/** A running site of this user, as programs on the same machine find it. */
export interface LocalSite {
  /** `https://north.example:7000` */
  readonly url: string;
  /** Names that it answers to, besides the loopback ones. */
  readonly hosts: readonly string[];
  readonly pid: number;
  /** Sites with the same are of one session. */
  readonly session: string;
  /** Whether it requires tokens. */
  readonly asks: boolean;
  /** File with a token that allows everything; null: another site of the session has it. */
  readonly tokenFile: string | null;
  /** SHA-256 of its certificate; null: it speaks no TLS. */
  readonly fingerprint: string | null;
}

const localSiteSchema: z.ZodType<LocalSite> = z.object({
  url: z.url(),
  hosts: z.array(z.string()),
  pid: z.int().min(1),
  session: z.string(),
  asks: z.boolean(),
  tokenFile: z.string().nullable(),
  fingerprint: z.string().nullable(),
});

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Publishes to programs of this user where a site is, until `forget`. Does nothing without a folder that only this user
 * can write to.
 */
export function noteLocalSite(site: LocalSite): { forget(): void } {
  const folder = runtimeFolder();
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!isOurs(folder)) return { forget() {} };
    for (const dead of readAll(folder).filter(({ pid }) => !isAlive(pid)))
      rmSync(join(folder, `${dead.pid}.json`), { force: true });
    const file = join(folder, `${site.pid}.json`);
    writeFileSync(file, JSON.stringify(site), { mode: 0o600 });
    return { forget: () => rmSync(file, { force: true }) };
  } catch {
    // A system without such a folder: tokens are given explicitly there.
    return { forget() {} };
  }
}

/** The site of this user that answers at an address. */
export function findLocalSite(url: string): LocalSite | undefined {
  const { protocol, hostname, port } = new URL(url);
  return localSites().find((site) => {
    const known = new URL(site.url);
    const isNamed = LOOPBACK.test(hostname) || site.hosts.includes(hostname.toLowerCase());
    return known.protocol === protocol && known.port === port && isNamed;
  });
}

/** A token that allows everything in the session of a site, where this user may read one. */
export function findLocalToken({ session }: LocalSite): string | undefined {
  for (const { session: other, tokenFile } of localSites()) {
    if (other !== session || tokenFile === null) continue;
    try {
      return readFileSync(tokenFile, "utf8").trim();
    } catch {
      // Gone, or not for this user.
    }
  }
  return undefined;
}

function localSites(): LocalSite[] {
  const folder = runtimeFolder();
  try {
    return isOurs(folder) ? readAll(folder).filter(({ pid }) => isAlive(pid)) : [];
  } catch {
    return [];
  }
}

function readAll(folder: string): LocalSite[] {
  return readdirSync(folder).flatMap((name) => {
    try {
      const parsed = localSiteSchema.safeParse(
        JSON.parse(readFileSync(join(folder, name), "utf8")),
      );
      return parsed.success ? [parsed.data] : [];
    } catch {
      return [];
    }
  });
}

/** The folder for runtime files of this user's programs. */
function runtimeFolder(): string {
  const given = process.env["XDG_RUNTIME_DIR"];
  return given === undefined || given === ""
    ? join(tmpdir(), `meander-${userInfo().uid}`)
    : join(given, "meander");
}

/** Whether only this user can write there: tokens are sent to the addresses found there. */
function isOurs(folder: string): boolean {
  const stat = lstatSync(folder);
  if (!stat.isDirectory()) return false;
  const { uid } = userInfo();
  return uid === -1 || (stat.uid === uid && (stat.mode & 0o022) === 0);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
