import { readdirSync, readFileSync } from "node:fs";

/** A thread's share of the processors, in ns since it was started. */
interface Schedule {
  readonly ran: number;
  /** It could have run, and had to wait for a processor. */
  readonly waited: number;
}

/**
 * How long some threads waited for a processor, by the kernel's count (`schedstat`, Linux; elsewhere never). What they
 * waited is no fault of what they do: on a busy machine it is most of the time that anything takes.
 */
export class RunDelay {
  readonly #files: readonly string[];
  /** Of threads that have ended, too. */
  readonly #last = new Map<string, number>();

  private constructor(files: readonly string[]) {
    this.#files = files;
  }

  /**
   * Of those threads that take part in what a program does: of this process the main thread, of the program its main
   * thread and the busiest other one while `work` is done, and of its child processes the first that is still there.
   */
  static async during(pid: number, work: () => Promise<unknown>): Promise<RunDelay> {
    const threads = namesIn(`/proc/${pid}/task`).filter((tid) => tid !== `${pid}`);
    const others = threads.map((tid) => `/proc/${pid}/task/${tid}/schedstat`);
    const before = new Map(others.map((file) => [file, read(file).ran]));
    await work();
    const ran = (file: string): number => read(file).ran - (before.get(file) ?? 0);
    const busiest = others.toSorted((one, other) => ran(other) - ran(one)).slice(0, 1);
    const first = namesIn("/proc")
      .flatMap((each) => placeOf(each) ?? [])
      .filter(({ parent }) => parent === pid)
      .toSorted((one, other) => one.startedAt - other.startedAt)
      .slice(0, 1)
      .map((child) => `/proc/${child.pid}/task/${child.pid}/schedstat`);
    const own = [`/proc/self/task/${process.pid}/schedstat`, `/proc/${pid}/task/${pid}/schedstat`];
    return new RunDelay([...own, ...busiest, ...first]);
  }

  /** All of them together, since they were started, ms. */
  get waitedMs(): number {
    let waited = 0;
    for (const file of this.#files) {
      const now = Math.max(read(file).waited, this.#last.get(file) ?? 0);
      this.#last.set(file, now);
      waited += now;
    }
    return waited / 1e6;
  }
}

function read(file: string): Schedule {
  try {
    const [ran = 0, waited = 0] = readFileSync(file, "latin1").split(" ").map(Number);
    return { ran, waited };
  } catch {
    return { ran: 0, waited: 0 };
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** Fields 4 and 22 of proc(5)'s `stat`. */
function placeOf(
  pid: string,
): { readonly pid: string; readonly parent: number; readonly startedAt: number } | undefined {
  try {
    const [, rest = ""] = readFileSync(`/proc/${pid}/stat`, "latin1").split(/\) (?=\w )/);
    const fields = rest.split(" ");
    return { pid, parent: Number(fields[1]), startedAt: Number(fields[19]) };
  } catch {
    return undefined;
  }
}
