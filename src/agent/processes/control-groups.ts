import { randomBytes } from "node:crypto";
import { messageOf } from "../../base/index.ts";
import {
  findControlGroups,
  GROUP_BOUNDS,
  type GroupBound,
  type GroupFiles,
  type GroupPlace,
  LEAF,
} from "./find-control-groups.ts";

/** Of all processes of agents together, where the site has 100 and both want the processors: a quarter. */
const CPU_WEIGHT = 25;
/** The same in version 1, where the site has 1024. */
const CPU_SHARES = 256;
/** Threads and processes of one; Node has a dozen. */
const TASKS_MAX = 64;
/**
 * What a group may have beyond the memory for what a process does, MiB: what the process has of its own, and the rest
 * that its other bounds do not count, as files in memory.
 */
const OWN_MEMORY_MB = 192;
const NAME = /^meander-(\d+)-[0-9a-f]+$/;

/**
 * Control groups for confined processes, where the system lets this process make them: one for all, which has less of
 * the processors than the site, and in it one for each, with its bounds. They only add to what bounds a process anyway:
 * where there are none, or something of them fails, everything works as before.
 */
export class ControlGroups {
  /** What they bound; nothing: there are none. */
  readonly bounds: readonly GroupBound[];
  /** For people: `memory, cpu, pids (version 2)`, or why there are none. */
  readonly words: string;
  readonly #files: GroupFiles;
  /** By bound, the group of all. */
  readonly #all: ReadonlyMap<GroupBound, string>;
  readonly #version: 1 | 2;
  /** Those of processes that may still run. */
  readonly #open = new Set<ProcessGroup>();
  #count = 0;

  /** Looks for them, and makes the one for all. @param pid of this process */
  static async open(files: GroupFiles, pid: number): Promise<ControlGroups> {
    const place = findControlGroups(files, pid);
    if (place.version === undefined)
      return new ControlGroups(files, 2, new Map(), `none: ${place.why}`);
    const name = `meander-${pid}-${randomBytes(3).toString("hex")}`;
    try {
      const all = await (place.version === 2
        ? makeVersion2(files, place, name, pid)
        : makeVersion1(files, place, name));
      const bounds = GROUP_BOUNDS.filter((bound) => all.has(bound));
      const words = `${bounds.join(", ")} (version ${place.version})`;
      return new ControlGroups(files, place.version, all, words);
    } catch (error) {
      return new ControlGroups(files, 2, new Map(), `none: ${messageOf(error)}`);
    }
  }

  private constructor(
    files: GroupFiles,
    version: 1 | 2,
    all: ReadonlyMap<GroupBound, string>,
    words: string,
  ) {
    this.#files = files;
    this.#version = version;
    this.#all = all;
    this.bounds = [...all.keys()];
    this.words = words;
  }

  /** A group for one process; undefined: there are none. @param memoryMb as of its process, MiB */
  groupFor(memoryMb: number): ProcessGroup | undefined {
    if (this.#all.size === 0) return undefined;
    const group = new ProcessGroup({
      ...{ files: this.#files, version: this.#version, all: this.#all, memoryMb },
      name: `${++this.#count}`,
      onClosed: () => this.#open.delete(group),
    });
    this.#open.add(group);
    return group;
  }

  /** Removes the one for all, when all processes have ended. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((each) => each.close()));
    for (const folder of new Set(this.#all.values()))
      await this.#files.removeFolder(folder).catch(() => {});
  }
}

/** What the group of one process is made of. */
interface ProcessGroupOptions {
  readonly files: GroupFiles;
  readonly version: 1 | 2;
  /** By bound, the group of all. */
  readonly all: ReadonlyMap<GroupBound, string>;
  readonly name: string;
  readonly memoryMb: number;
  readonly onClosed: () => void;
}

/** The control group of one process. */
export class ProcessGroup {
  readonly #options: ProcessGroupOptions;
  #admitted: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(options: ProcessGroupOptions) {
    this.#options = options;
  }

  /**
   * Puts a process that has just been started into it. Nothing waits for that: the kernel may take milliseconds. What
   * fails bounds nothing.
   */
  admit(pid: number): void {
    this.#admitted = this.#admit(pid).catch(() => {});
  }

  /** Settles when it is in it, or not to be. */
  get admitted(): Promise<void> {
    return this.#admitted;
  }

  /** Whether the kernel has ended what was in it for want of memory. */
  get isOutOfMemory(): boolean {
    const { files, version, name, all } = this.#options;
    const memory = all.get("memory");
    if (memory === undefined) return false;
    const file = version === 2 ? "memory.events" : "memory.oom_control";
    const kills = /^oom_kill (\d+)$/m.exec(files.read(`${memory}/${name}/${file}`) ?? "");
    return Number(kills?.[1] ?? 0) > 0;
  }

  /** Its process has ended. Calling it again waits for the same end. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#admitted;
    const { files, onClosed } = this.#options;
    for (const folder of this.#folders) await files.removeFolder(folder).catch(() => {});
    onClosed();
  }

  async #admit(pid: number): Promise<void> {
    const { files, version, memoryMb, all } = this.#options;
    for (const folder of this.#folders) await files.makeFolder(folder);
    const bytes = `${(memoryMb + OWN_MEMORY_MB) * 2 ** 20}`;
    const isSecond = version === 2;
    await this.#set("memory", isSecond ? "memory.max" : "memory.limit_in_bytes", bytes);
    // Where the kernel counts it: a process that swaps would only be slow.
    const swap = isSecond
      ? this.#set("memory", "memory.swap.max", "0")
      : this.#set("memory", "memory.memsw.limit_in_bytes", bytes);
    await swap.catch(() => {});
    await this.#set("pids", "pids.max", `${TASKS_MAX}`);
    const cpu = all.get("cpu");
    const shared = cpu !== undefined && !isSecond ? [cpu] : [];
    for (const folder of [...this.#folders, ...shared])
      await files.write(`${folder}/cgroup.procs`, `${pid}`);
  }

  async #set(bound: GroupBound, file: string, value: string): Promise<void> {
    const { files, all, name } = this.#options;
    const root = all.get(bound);
    if (root !== undefined) await files.write(`${root}/${name}/${file}`, value);
  }

  /** Of version 1, none for the processors: there all processes share one. */
  get #folders(): readonly string[] {
    const { version, all, name } = this.#options;
    const bounds: readonly GroupBound[] = version === 2 ? GROUP_BOUNDS : ["memory", "pids"];
    const roots = bounds.flatMap((bound) => all.get(bound) ?? []);
    return [...new Set(roots)].map((root) => `${root}/${name}`);
  }
}

/** @throws what the kernel refuses with */
async function makeVersion2(
  files: GroupFiles,
  { own, bounds, mustLeave }: Extract<GroupPlace, { version: 2 }>,
  name: string,
  pid: number,
): Promise<ReadonlyMap<GroupBound, string>> {
  await removeLeftOver(files, own);
  if (mustLeave) {
    const site = `${own}/${LEAF}`;
    await files.makeFolder(site).catch(unlessThere);
    await files.write(`${site}/cgroup.procs`, `${pid}`);
  }
  const all = `${own}/${name}`;
  const passed: GroupBound[] = [];
  let fault: unknown;
  for (const bound of bounds) {
    try {
      await files.write(`${own}/cgroup.subtree_control`, `+${bound}`);
      passed.push(bound);
    } catch (error) {
      fault = error;
    }
  }
  if (passed.length === 0) throw fault;
  await files.makeFolder(all);
  for (const bound of passed) await files.write(`${all}/cgroup.subtree_control`, `+${bound}`);
  if (passed.includes("cpu")) await files.write(`${all}/cpu.weight`, `${CPU_WEIGHT}`);
  return new Map(passed.map((bound) => [bound, all]));
}

/** Those that can be made. @throws what the kernel refuses with, when none can */
async function makeVersion1(
  files: GroupFiles,
  { own }: Extract<GroupPlace, { version: 1 }>,
  name: string,
): Promise<ReadonlyMap<GroupBound, string>> {
  const made = new Map<GroupBound, string>();
  let fault: unknown;
  for (const [bound, folder] of own) {
    try {
      await removeLeftOver(files, folder);
      const all = `${folder}/${name}`;
      // Several bounds may share a tree.
      await files.makeFolder(all).catch(unlessThere);
      if (bound === "cpu") await files.write(`${all}/cpu.shares`, `${CPU_SHARES}`);
      made.set(bound, all);
    } catch (error) {
      fault = error;
    }
  }
  if (made.size === 0) throw fault;
  return made;
}

/** Removes what sites have left that were killed. */
async function removeLeftOver(files: GroupFiles, folder: string): Promise<void> {
  for (const name of files.list(folder)) {
    const pid = NAME.exec(name)?.[1];
    if (pid === undefined || files.read(`/proc/${pid}/stat`) !== undefined) continue;
    const all = `${folder}/${name}`;
    const each = files.list(all).filter((child) => /^\d+$/.test(child));
    for (const child of each) await files.removeFolder(`${all}/${child}`).catch(() => {});
    await files.removeFolder(all).catch(() => {});
  }
}

function unlessThere(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
}
