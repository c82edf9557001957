import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlGroups } from "./control-groups.ts";
import { findControlGroups, type GroupFiles } from "./find-control-groups.ts";
import { GROUP_FILES } from "./group-files.ts";
import { ProcessPool } from "./process-pool.ts";

const PID = 500;
const SECOND = "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

/** The files of a kernel: what was there, what was made, and what was written, in order. */
class Kernel implements GroupFiles {
  readonly written: string[] = [];
  readonly folders = new Set<string>();
  readonly texts: Map<string, string>;
  /** What may not be written. */
  refuses: (path: string) => boolean = () => false;

  constructor(texts: Readonly<Record<string, string>>) {
    this.texts = new Map(Object.entries(texts));
  }

  read(path: string): string | undefined {
    return this.texts.get(path);
  }

  isWritable(path: string): boolean {
    return !this.refuses(path);
  }

  list(path: string): readonly string[] {
    const below = [...this.folders].filter((each) => each.startsWith(`${path}/`));
    return below.map((each) => each.slice(path.length + 1)).filter((name) => !name.includes("/"));
  }

  async write(path: string, text: string): Promise<void> {
    if (this.refuses(path)) throw Object.assign(new Error(`EACCES: ${path}`), { code: "EACCES" });
    this.written.push(`${path} ${text}`);
    this.texts.set(path, text);
  }

  async makeFolder(path: string): Promise<void> {
    if (this.refuses(path)) throw new Error(`EROFS: ${path}`);
    if (this.folders.has(path)) throw Object.assign(new Error("EEXIST"), { code: "EEXIST" });
    this.folders.add(path);
  }

  async removeFolder(path: string): Promise<void> {
    if (this.list(path).length > 0) throw new Error(`EBUSY: ${path}`);
    if (!this.folders.delete(path)) throw new Error(`ENOENT: ${path}`);
  }

  /** What was written, without the name that is drawn. */
  get told(): string[] {
    return this.written.map((each) => each.replace(/meander-500-[0-9a-f]+/, "ALL"));
  }
}

function delegated(more: Readonly<Record<string, string>> = {}): Kernel {
  const own = "/sys/fs/cgroup/system.slice/meander.service";
  return new Kernel({
    "/proc/self/mountinfo": SECOND,
    "/proc/self/cgroup": "0::/system.slice/meander.service\n",
    [`${own}/cgroup.controllers`]: "cpuset cpu io memory pids\n",
    [`${own}/cgroup.type`]: "domain\n",
    [`${own}/cgroup.procs`]: `${PID}\n`,
    ...more,
  });
}

const OWN = "/sys/fs/cgroup/system.slice/meander.service";

test("a group that was given to the site has one for all processes of agents, and one for each", async () => {
  const kernel = delegated();
  const groups = await ControlGroups.open(kernel, PID);
  assert.equal(groups.words, "memory, cpu, pids (version 2)");
  assert.deepEqual(kernel.told, [
    `${OWN}/site/cgroup.procs ${PID}`,
    ...["memory", "cpu", "pids"].map((bound) => `${OWN}/cgroup.subtree_control +${bound}`),
    ...["memory", "cpu", "pids"].map((bound) => `${OWN}/ALL/cgroup.subtree_control +${bound}`),
    `${OWN}/ALL/cpu.weight 25`,
  ]);
  kernel.written.length = 0;
  const group = groups.groupFor(64);
  group?.admit(501);
  await group?.admitted;
  assert.deepEqual(kernel.told, [
    `${OWN}/ALL/1/memory.max ${256 * 2 ** 20}`,
    `${OWN}/ALL/1/memory.swap.max 0`,
    `${OWN}/ALL/1/pids.max 64`,
    `${OWN}/ALL/1/cgroup.procs 501`,
  ]);
  const [all = ""] = kernel.list(OWN).filter((name) => name !== "site");
  kernel.texts.set(`${OWN}/${all}/1/memory.events`, "low 0\noom 1\noom_kill 0\n");
  assert.equal(group?.isOutOfMemory, false);
  kernel.texts.set(`${OWN}/${all}/1/memory.events`, "low 0\noom 3\noom_kill 1\n");
  assert.equal(group?.isOutOfMemory, true);
  await group?.close();
  await groups.close();
  assert.deepEqual([...kernel.folders], [`${OWN}/site`]);
});

test("a site that was started by the one before it, from within its group, makes its groups beside that", async () => {
  const kernel = delegated({
    "/proc/self/cgroup": "0::/system.slice/meander.service/site\n",
    [`${OWN}/cgroup.subtree_control`]: "cpu memory pids\n",
    [`${OWN}/cgroup.procs`]: "",
  });
  const groups = await ControlGroups.open(kernel, PID);
  assert.equal(groups.words, "memory, cpu, pids (version 2)");
  assert.ok(!kernel.told.some((each) => each.includes("/site/")));
});

const without: readonly [what: string, kernel: Kernel, why: RegExp][] = [
  ["no control groups", new Kernel({}), /may make none/],
  [
    "a group of others, too",
    delegated({ [`${OWN}/cgroup.procs`]: `12\n${PID}\n` }),
    /other processes are in .*meander\.service/,
  ],
  [
    "groups that are not given to it",
    Object.assign(delegated(), {
      refuses: (path: string) => path.endsWith("cgroup.subtree_control"),
    }),
    /not given to this user/,
  ],
  [
    "a kernel that refuses at the last step",
    Object.assign(delegated(), {
      refuses: (path: string) => /meander-\d+-[0-9a-f]+$/.test(path),
    }),
    /EROFS/,
  ],
  [
    "a namespace that its group is outside of",
    delegated({ "/proc/self/cgroup": "0::/../other\n" }),
    /may make none/,
  ],
];
for (const [what, kernel, why] of without)
  test(`with ${what} everything is as without groups, and the reason is known`, async () => {
    const groups = await ControlGroups.open(kernel, PID);
    assert.match(groups.words, /^none: /);
    assert.match(groups.words, why);
    assert.deepEqual([groups.bounds, groups.groupFor(64)], [[], undefined]);
    await groups.close();
  });

test("of version 1 each bound has a tree of its own, and those that may not be used are left out", async () => {
  const mount = (name: string): string =>
    `3 2 0:9 /box /sys/fs/cgroup/${name} rw - cgroup cgroup rw,${name}\n`;
  const kernel = new Kernel({
    "/proc/self/mountinfo": `${mount("memory")}${mount("cpu")}${mount("pids")}`,
    "/proc/self/cgroup": "9:memory:/box/inner\n8:cpu,cpuacct:/box/inner\n7:pids:/\n",
  });
  kernel.refuses = (path) => path.startsWith("/sys/fs/cgroup/pids");
  const groups = await ControlGroups.open(kernel, PID);
  assert.equal(groups.words, "memory, cpu (version 1)");
  const group = groups.groupFor(64);
  group?.admit(501);
  await group?.admitted;
  assert.deepEqual(kernel.told, [
    "/sys/fs/cgroup/cpu/inner/ALL/cpu.shares 256",
    `/sys/fs/cgroup/memory/inner/ALL/1/memory.limit_in_bytes ${256 * 2 ** 20}`,
    `/sys/fs/cgroup/memory/inner/ALL/1/memory.memsw.limit_in_bytes ${256 * 2 ** 20}`,
    "/sys/fs/cgroup/memory/inner/ALL/1/cgroup.procs 501",
    "/sys/fs/cgroup/cpu/inner/ALL/cgroup.procs 501",
  ]);
  await group?.close();
  await groups.close();
  assert.deepEqual([...kernel.folders], []);
});

test("at the top of a tree the processors are left alone: everything else on the machine is beside the site there", async () => {
  const kernel = new Kernel({
    "/proc/self/mountinfo":
      "3 2 0:9 / /cg/cpu rw - cgroup cgroup rw,cpu\n3 2 0:9 / /cg/pids rw - cgroup cgroup rw,pids\n",
    "/proc/self/cgroup": "8:cpu:/\n7:pids:/\n",
  });
  assert.equal((await ControlGroups.open(kernel, PID)).words, "pids (version 1)");
  const second = new Kernel({
    "/proc/self/mountinfo": SECOND,
    "/proc/self/cgroup": "0::/\n",
    "/sys/fs/cgroup/cgroup.controllers": "cpu memory pids\n",
    "/sys/fs/cgroup/cgroup.procs": `1\n${PID}\n`,
  });
  assert.equal((await ControlGroups.open(second, PID)).words, "memory, pids (version 2)");
});

test("what a site has left that was killed is removed by the next one, and nothing of one that runs", async () => {
  const kernel = delegated({ "/proc/77/stat": "77 (node)" });
  for (const name of ["meander-76-abc", "meander-76-abc/3", "meander-77-abc", "other"])
    kernel.folders.add(`${OWN}/${name}`);
  await ControlGroups.open(kernel, PID);
  const left = kernel.list(OWN).filter((name) => !name.startsWith(`meander-${PID}`));
  assert.deepEqual(left.sort(), ["meander-77-abc", "other", "site"]);
});

const place = findControlGroups(GROUP_FILES, process.pid);
test("on this machine a process is in its group, and nothing is left of it afterwards", {
  // In version 2 the test would have to leave its own group.
  skip: place.version !== 1 && "this process may make no groups of version 1",
}, async () => {
  const groups = await ControlGroups.open(GROUP_FILES, process.pid);
  assert.ok(groups.bounds.length > 0, groups.words);
  const script = new URL("./obedient-process.test.support.js", import.meta.url);
  const pool = new ProcessPool({ script, memoryMb: 64, groups });
  const started = pool.take();
  const answered = new Promise((resolve) => started.receive(resolve));
  started.post([Buffer.from(JSON.stringify({ slot: 1, task: "answer", value: 1 }))]);
  await answered;
  const isIn = (bound: string): boolean =>
    new RegExp(`:${bound}[,:].*/meander-${process.pid}-`).test(
      GROUP_FILES.read(`/proc/${started.pid}/cgroup`) ?? "",
    );
  while (!groups.bounds.every(isIn)) await new Promise((resolve) => setImmediate(resolve));
  started.kill("the test ends");
  await started.ended;
  await pool[Symbol.asyncDispose]();
  const left = [...(place.version === 1 ? place.own.values() : [])].flatMap((folder) =>
    GROUP_FILES.list(folder).filter((name) => name.startsWith(`meander-${process.pid}-`)),
  );
  assert.deepEqual(left, []);
});
