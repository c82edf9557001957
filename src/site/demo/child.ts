import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type Clock, MeanderError } from "../../base/index.ts";

/** How a child process ended: a code, or a signal. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How a child is started. */
export interface ChildOptions {
  /** Module to run with this Node, and its arguments. */
  readonly module: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A message of the child over the process channel. */
  onMessage?(message: unknown): void;
  /** A line that the child wrote on standard error. */
  onLine(line: string): void;
}

/** Time between asking a child to end and killing it, ms. */
const END_MS_MAX = 11_000;

/** A child process with a channel to it; it ends when the channel closes. */
export class Child {
  readonly pid: number;
  /** Settles when it has ended, for any reason. */
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;
  #isEnded = false;

  /** @throws {MeanderError} `demo-failed` when no process can be started */
  static start(options: ChildOptions): Child {
    const { module, args, env = {} } = options;
    const child = spawn(process.execPath, [module, ...args], {
      stdio: ["pipe", "ignore", "pipe", "ipc"],
      env: { ...process.env, ...env },
      windowsHide: true,
      // Ctrl-C reaches the supervisor alone, which stops its children in order.
      detached: process.platform !== "win32",
    });
    if (child.pid === undefined) {
      throw new MeanderError("demo-failed", "a process could not be started", {
        where: args.join(" "),
      });
    }
    return new Child(child, child.pid, options);
  }

  private constructor(child: ChildProcess, pid: number, options: ChildOptions) {
    this.#process = child;
    this.pid = pid;
    this.ended = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#isEnded = true;
        resolve({ code, signal });
      });
    });
    // What can no longer be written is lost with the child; `ended` reports its end.
    child.on("error", () => {});
    child.stdin?.on("error", () => {});
    if (child.stderr !== null) {
      createInterface({ input: child.stderr }).on("line", (line) => options.onLine(line));
    }
    if (options.onMessage !== undefined) child.on("message", options.onMessage);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Sends a message over the process channel; lost when the child is gone. */
  send(message: object): void {
    if (this.#process.connected) this.#process.send(message, () => {});
  }

  /** Writes to its standard input; lost when the child is gone. */
  write(text: string): void {
    if (!this.#isEnded) this.#process.stdin?.write(text);
  }

  /** Ends it at once (SIGKILL). */
  async kill(): Promise<ChildEnd> {
    this.#process.kill("SIGKILL");
    return this.ended;
  }

  /** Asks it to stop in order (SIGTERM); kills it when it does not within 11 s. */
  async stop(clock: Clock): Promise<ChildEnd> {
    this.#process.kill("SIGTERM");
    const cancel = clock.after("kill child", END_MS_MAX, () => this.#process.kill("SIGKILL"));
    const end = await this.ended;
    cancel();
    return end;
  }
}
