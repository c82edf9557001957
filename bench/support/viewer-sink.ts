import { compileC } from "./c-compiler.ts";
import { Child } from "./child.ts";

/** How viewers speak to a site. */
export type ViewerProtocol = "tcp" | "websocket";

/** Viewers to be connected. */
export interface ViewerCrowd {
  /** Of 127.0.0.1. */
  readonly port: number;
  readonly viewers: number;
  /** `ackMs`: they only connect, and acknowledge so often; packets come from the first byte on. */
  readonly speech:
    | { readonly protocol: ViewerProtocol; readonly channel: string }
    | { readonly ackMs: number };
}

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
  /** How often they acknowledge, on average. */
  readonly ackMs: number;
  readonly #child: Child;

  private constructor(child: Child, viewers: number, ackMs: number) {
    this.#child = child;
    this.viewers = viewers;
    this.ackMs = ackMs;
  }

  /**
   * Settles when all are subscribed.
   *
   * @param folder where its program is compiled to
   * @throws {Error} when one of them is refused, or there is no compiler
   */
  static async open(crowd: ViewerCrowd, folder: string): Promise<ViewerSink> {
    const { port, speech, viewers } = crowd;
    const program = compileC("support/viewer-sink.c", folder);
    if (program === undefined) throw new Error("the viewers are a C program for Linux: no `cc`");
    const how = "ackMs" in speech ? ["raw", `${speech.ackMs}`] : [speech.protocol, speech.channel];
    const child = new Child(program, [`${port}`, `${viewers}`, ...how]);
    const { ackMs = 0, error } = await child.line<{ error?: string; ackMs?: number }>();
    if (error === undefined) return new ViewerSink(child, viewers, ackMs);
    await child.stop();
    throw new Error(`${viewers} viewers (${how[0]}): ${error}`);
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
