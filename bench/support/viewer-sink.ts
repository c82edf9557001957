import { compileC } from "./c-compiler.ts";
import { Child } from "./child.ts";

/** How viewers connect. `raw`: packets from the first byte on, and only acknowledgements the other way. */
export type ViewerProtocol = "tcp" | "websocket" | "raw";

/** What viewers got since the last reset. */
export interface ViewerCounts {
  /** RTP packets, of all viewers. */
  readonly packets: number;
  /** Numbers that never came. */
  readonly lost: number;
  readonly repeated: number;
  /** Viewers that were cut off, since they connected. */
  readonly closed: number;
  /** From the publisher's clock reading to the viewer's. */
  readonly lateP50Ms: number;
  readonly lateP99Ms: number;
  readonly lateMaxMs: number;
}

/** Viewers of one channel in a process of their own. */
export class ViewerSink {
  readonly viewers: number;
  readonly #child: Child;

  private constructor(child: Child, viewers: number) {
    this.#child = child;
    this.viewers = viewers;
  }

  /**
   * Settles when all are subscribed.
   *
   * @param folder where its program is compiled to
   * @throws {Error} when one of them is refused, or there is no compiler
   */
  static async open(
    options: {
      readonly port: number;
      readonly viewers: number;
      readonly protocol: ViewerProtocol;
      readonly channel: string;
    },
    folder: string,
  ): Promise<ViewerSink> {
    const { channel, port, protocol, viewers } = options;
    const program = compileC("support/viewer-sink.c", folder);
    if (program === undefined) throw new Error("the viewers are a C program for Linux: no `cc`");
    const child = new Child(program, [`${port}`, `${viewers}`, protocol, channel]);
    const { error } = await child.line<{ error?: string }>();
    if (error === undefined) return new ViewerSink(child, viewers);
    await child.stop();
    throw new Error(`${viewers} viewers over ${protocol}: ${error}`);
  }

  async reset(): Promise<void> {
    await this.#child.ask("reset");
  }

  count(): Promise<ViewerCounts> {
    return this.#child.ask("count");
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}
