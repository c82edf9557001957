import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Time a program has to answer a line or to end, ms: a flight takes up to ten seconds. */
const ANSWER_MS_MAX = 30_000;
const STOP_MS_MAX = 5_000;

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.once(signal, () => process.exit(code));
}

/** A program that answers in lines of JSON. It ends with this process. */
export class Child {
  readonly pid: number;
  readonly #command: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.#command = command;
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env });
    const { pid, stdin, stdout } = this.#child;
    if (pid === undefined || stdout === null) throw new Error(`${command} does not start`);
    this.pid = pid;
    // It may have ended; then its answer does not come.
    stdin?.on("error", () => {});
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    running.add(this.#child);
    this.#child.once("exit", () => running.delete(this.#child));
  }

  /** A compiled script of this folder's parent: `support/node-sink.js`. */
  static script(path: string, ...args: readonly string[]): Child {
    return new Child(process.execPath, [
      fileURLToPath(new URL(`../${path}`, import.meta.url)),
      ...args,
    ]);
  }

  /** The next line it prints. @throws {Error} when it ends first, or says nothing */
  async line<T>(): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${this.#command} does not answer`)),
        ANSWER_MS_MAX,
      );
    });
    const { done, value } = await Promise.race([this.#lines.next(), late]).finally(() =>
      clearTimeout(timer),
    );
    if (done === true) throw new Error(`${this.#command} ended before it answered`);
    return JSON.parse(value) as T;
  }

  /** Every line it prints from now on, until it ends. Not together with `line`. */
  async *lines<T>(): AsyncGenerator<T, void, void> {
    for await (const text of { [Symbol.asyncIterator]: () => this.#lines })
      yield JSON.parse(text) as T;
  }

  /** Settles when it has ended, however. */
  async ended(): Promise<void> {
    if (this.#hasEnded) return;
    await once(this.#child, "exit");
  }

  /** Sends a signal; nothing when it has ended. */
  signal(name: NodeJS.Signals): void {
    if (!this.#hasEnded) this.#child.kill(name);
  }

  /** Its answer to a line. One at a time. */
  ask<T>(line: string): Promise<T> {
    this.#child.stdin?.write(`${line}\n`);
    return this.line();
  }

  /** Ends it. Idempotent. */
  async stop(): Promise<void> {
    if (this.#hasEnded) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS_MAX);
    await ended;
    clearTimeout(timer);
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}
