import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { access, constants, mkdir, mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { availableParallelism, freemem, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findControlGroups, GROUP_FILES } from "../../agent/index.ts";
import { type Clock, LIMITS, messageOf, SILENT, SystemRandom } from "../../base/index.ts";
import { packageRoot } from "../../client/index.ts";
import { EmbeddedDirectory } from "../../directory/embedded/index.ts";
import { formatBytes } from "../../view/index.ts";
import { findFreePorts } from "../demo/free-ports.ts";
import { readDescriptors, readHeap, readMemory } from "../observe/resource-readings.ts";
import { checkDatagrams } from "./datagrams-check.ts";

/** The result of one check. */
export interface Check {
  readonly name: string;
  /** `warn`: works, but something is missing or slow. */
  readonly status: "ok" | "warn" | "fail";
  readonly found: string;
  /** What to do about it. */
  readonly next?: string;
}

type Finding = Omit<Check, "name">;

const run = promisify(execFile);
const NODE_MIN = [20, 19] as const;
const FREE_BYTES_MIN = 200e6;
const MEMORY_BYTES_MIN = 250e6;
const PROBE_MS_MAX = 2_000;

/** Optional programs that Meander works with. */
const PROGRAMS = [
  { names: ["ffmpeg"], version: "-version", use: "publishing and receiving with ffmpeg" },
  { names: ["ffprobe"], version: "-version", use: "looking at media files" },
  {
    names: ["gst-launch-1.0"],
    version: "--version",
    use: "publishing and receiving with GStreamer",
  },
  {
    names: ["chromium", "chromium-browser", "google-chrome"],
    version: "--version",
    use: "the browser tests",
  },
] as const;

/** Checks whether this machine can run Meander, one thing after the other. */
export async function* runChecks(options: {
  readonly port: number;
  readonly clock: Clock;
}): AsyncGenerator<Check> {
  const { port, clock } = options;
  yield { name: "node", ...checkNode(process.versions.node) };
  yield { name: "machine", ...checkMachine() };
  yield await check("ports", () => checkPorts(port));
  yield await check("udp", () => checkUdp(clock));
  yield await check("batched datagrams", () => checkDatagrams(clock));
  yield await check("udp buffers", checkBuffers);
  yield await check("descriptors", checkDescriptors);
  yield await check("memory", checkMemory);
  yield await check("control groups", checkGroups);
  yield await check("directory", () => checkDirectory(clock));
  yield await check("disk", checkDisk);
  yield await check("pages", checkPages);
  for (const program of PROGRAMS) yield await check(program.names[0], () => checkProgram(program));
}

/** @param version of Node, such as `20.20.2` */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isEnough = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
  if (isEnough) return { status: "ok", found: version };
  return { status: "fail", found: version, next: `install Node ${NODE_MIN.join(".")} or later` };
}

async function check(name: string, look: () => Promise<Finding>): Promise<Check> {
  try {
    return { name, ...(await look()) };
  } catch (error) {
    return { name, status: "fail", found: messageOf(error) };
  }
}

function checkMachine(): Finding {
  const found = `${availableParallelism()} processors, ${Math.round(freemem() / 1e6)} MB free`;
  return availableParallelism() >= 2
    ? { status: "ok", found }
    : {
        status: "warn",
        found,
        next: "the plane and the site share one processor; expect jitter under load",
      };
}

async function checkPorts(port: number): Promise<Finding> {
  const [free] = await findFreePorts("127.0.0.1", port, 1);
  if (free === port) return { status: "ok", found: `${port} is free` };
  return {
    status: "warn",
    found: `${port} is taken, ${free} is free`,
    next: `use --http-port ${free}`,
  };
}

/** A datagram there and back. */
async function checkUdp(clock: Clock): Promise<Finding> {
  const [left, right] = [createSocket("udp4"), createSocket("udp4")];
  try {
    await Promise.all(
      [left, right].map((socket) => new Promise<void>((done) => socket.bind(0, "127.0.0.1", done))),
    );
    right.on("message", (bytes, { port, address }) => right.send(bytes, port, address));
    const sentAt = clock.now();
    const ms = await new Promise<number>((resolve, reject) => {
      const cancel = clock.after("udp probe", PROBE_MS_MAX, () =>
        reject(new Error("a datagram did not come back")),
      );
      left.once("message", () => {
        cancel();
        resolve(clock.now() - sentAt);
      });
      left.send(new Uint8Array(1200), right.address().port, "127.0.0.1");
    });
    return { status: "ok", found: `round trip over loopback ${ms.toFixed(2)} ms` };
  } finally {
    left.close();
    right.close();
  }
}

async function checkBuffers(): Promise<Finding> {
  const socket = createSocket("udp4");
  try {
    await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));
    try {
      socket.setRecvBufferSize(LIMITS.udpBufferBytes);
    } catch {
      // Some kernels refuse instead of granting less.
    }
    const bytes = socket.getRecvBufferSize();
    const found = `${Math.round(bytes / 1024)} KiB for receiving`;
    if (bytes >= LIMITS.udpBufferBytes) return { status: "ok", found };
    const next = `bursts may be lost; on Linux: sysctl -w net.core.rmem_max=${LIMITS.udpBufferBytes}`;
    return { status: "warn", found, next };
  } finally {
    socket.close();
  }
}

/** One for each viewer, and some for everything else. */
async function checkDescriptors(): Promise<Finding> {
  const descriptors = await readDescriptors();
  if (descriptors === undefined) return { status: "ok", found: "the system does not tell" };
  const { open, limit } = descriptors;
  const viewers = Math.max(0, limit - open - LIMITS.descriptorsReserved);
  const found = `${limit} at most: some ${viewers} viewers`;
  if (viewers >= LIMITS.subscribersDefault) return { status: "ok", found };
  const next = `a site allows ${LIMITS.subscribersDefault} unless configured otherwise; raise LimitNOFILE or ulimit -n for more`;
  return { status: "warn", found, next };
}

async function checkMemory(): Promise<Finding> {
  const { limit } = readMemory();
  const heap = `heap up to ${formatBytes(readHeap().limit ?? undefined)}`;
  if (limit === null) return { status: "ok", found: `no limit but the machine's, ${heap}` };
  const found = `${formatBytes(limit)} allowed, ${heap}`;
  if (limit >= MEMORY_BYTES_MIN) return { status: "ok", found };
  return { status: "warn", found, next: "a site with viewers needs 250 MB; allow it more" };
}

/** The leader's directory opens, keeps a value and closes. */
async function checkDirectory(clock: Clock): Promise<Finding> {
  const path = await mkdtemp(join(tmpdir(), "meander-doctor-"));
  try {
    await using directory = await EmbeddedDirectory.open({
      path,
      clock,
      random: new SystemRandom(),
      log: SILENT,
    });
    await directory.put("doctor", "well");
    const entry = await directory.get("doctor");
    return entry?.value === "well"
      ? { status: "ok", found: "lmdb loads, writes and reads" }
      : { status: "fail", found: "what was written was not read", next: "check the disk" };
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

/** What processes of agents could be bounded by besides; as for a site that is started as this process was. */
async function checkGroups(): Promise<Finding> {
  const place = findControlGroups(GROUP_FILES, process.pid);
  if (place.version === undefined)
    return {
      status: "ok",
      found: `none, which is fine: ${place.why}`,
      next: "under systemd, Delegate=yes in the unit gives a site groups of its own",
    };
  const bounds = place.version === 2 ? place.bounds : [...place.own.keys()];
  return {
    status: "ok",
    found: `${bounds.join(", ")} of agents' processes (version ${place.version})`,
  };
}

async function checkDisk(): Promise<Finding> {
  const folder = ".meander";
  // A site that is started next has its keys there.
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const probe = join(folder, `.probe-${process.pid}`);
  await writeFile(probe, "");
  await rm(probe);
  const { bavail, bsize } = await statfs(folder);
  const found = `${Math.round((bavail * bsize) / 1e6)} MB free where a leader keeps its directory`;
  if (bavail * bsize >= FREE_BYTES_MIN) return { status: "ok", found };
  return { status: "warn", found, next: "choose another folder with --data" };
}

async function checkPages(): Promise<Finding> {
  const page = join(packageRoot(), "dist", "web", "index.html");
  try {
    await access(page, constants.R_OK);
    return { status: "ok", found: "the console is built" };
  } catch {
    return { status: "warn", found: "the console is not built", next: "run npm run build" };
  }
}

async function checkProgram({ names, version, use }: (typeof PROGRAMS)[number]): Promise<Finding> {
  for (const name of names) {
    try {
      const { stdout } = await run(name, [version], { timeout: 10_000, windowsHide: true });
      return { status: "ok", found: stdout.split("\n", 1)[0]?.trim().slice(0, 80) ?? name };
    } catch {
      // Not this one; the next name may be there.
    }
  }
  return { status: "warn", found: "not found", next: `optional: only ${use} needs it` };
}
