import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Isolation } from "../../src/agent/index.ts";
import type { Shell } from "../../src/session/shell/index.ts";
import { connect } from "../../src/site/index.ts";
import { Child } from "./child.ts";
import { median } from "./median.ts";
import { type SinkReport, sinkAgent, sourceAgent } from "./stream-agents.ts";

/** Two sites in two processes, and a shell at the leading one. */
export class StreamPair implements AsyncDisposable {
  readonly near: Child;
  readonly far: Child;
  readonly shell: Shell;
  readonly #folder: string;

  private constructor(near: Child, far: Child, shell: Shell, folder: string) {
    this.near = near;
    this.far = far;
    this.shell = shell;
    this.#folder = folder;
  }

  static async start(): Promise<StreamPair> {
    const folder = await mkdtemp(join(tmpdir(), "meander-bench-"));
    const near = Child.script("support/stream-site.js", "near", join(folder, "near"));
    const { url } = await near.line<{ url: string }>();
    const far = Child.script("support/stream-site.js", "far", join(folder, "far"), url);
    await far.line();
    return new StreamPair(near, far, await connect(url), folder);
  }

  /** Messages of 100 bytes per second from a stream at one site to one at the other. */
  async appendsPerSecond(isolation: Isolation, count: number): Promise<number> {
    const { shell } = this;
    const [from, to] = [`source-${isolation}`, `sink-${isolation}`];
    await shell.createStream(to, { at: "far" });
    await shell.registerAgent(to, { source: sinkAgent(isolation, 0) });
    await shell.createStream(from, { at: "near" });
    await shell.registerAgent(from, { source: sourceAgent(isolation) });
    await this.#run(from, to, Math.floor(count / 5));
    const report = await this.#run(from, to, count);
    check(report);
    return (count / report.ms) * 1_000;
  }

  /** From an append until the sender knows that it is consumed, µs; the middle of many. */
  async ackP50Us(count: number): Promise<number> {
    const { shell, near } = this;
    await shell.createStream("latency", { at: "far" });
    await shell.registerAgent("latency", {
      source: `export default { isolation: "inline", on: { append() {} } }`,
    });
    await near.ask(`latency ${Math.floor(count / 5)}`);
    const { us } = await near.ask<{ us: number[] }>(`latency ${count}`);
    return median(us);
  }

  /** Moves a stream with a briefcase of 64 KiB to and fro while another appends to it at full speed. */
  async moves(count: number): Promise<{ p50Ms: number; p99Ms: number; report: SinkReport }> {
    const { shell } = this;
    await shell.createStream("mover", { at: "far" });
    await shell.registerAgent("mover", { source: sinkAgent("inline", 64 * 1024) });
    await shell.createStream("pusher", { at: "near" });
    await shell.registerAgent("pusher", { source: sourceAgent("inline") });
    // Its code is cached at both sites then.
    await shell.move("mover", "near");
    await shell.move("mover", "far");
    await shell.append("pusher", { to: "mover", from: 0, count: 1e9 });
    const ms: number[] = [];
    for (let index = 0; index < count; index++) {
      const at = performance.now();
      await shell.move("mover", index % 2 === 0 ? "near" : "far");
      ms.push(performance.now() - at);
    }
    await shell.append("pusher", { stop: true });
    const report = await this.#end("mover");
    ms.sort((a, b) => a - b);
    return {
      p50Ms: median(ms),
      p99Ms: ms[Math.min(ms.length - 1, Math.floor(ms.length * 0.99))] as number,
      report,
    };
  }

  /** Memory of a site's process with so many streams, each with an agent, MiB. */
  async rssMb(streams: number): Promise<number> {
    const { shell, far } = this;
    const source = `export default { briefcase: { n: 0 }, on: { append(ctx) { ctx.briefcase.n++; } } }`;
    const names = Array.from({ length: streams }, (_, index) => `idle-${index}`);
    while (names.length > 0) {
      await Promise.all(
        names.splice(0, 32).map(async (name) => {
          await shell.createStream(name, { at: "far" });
          await shell.registerAgent(name, { source });
          await shell.append(name, 1);
        }),
      );
    }
    return (await far.ask<{ mb: number }>("rss")).mb;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shell.close();
    await this.far.stop();
    await this.near.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #run(from: string, to: string, count: number): Promise<SinkReport> {
    await this.shell.append(to, { reset: true }, { until: "consumed" });
    await this.shell.append(from, { to, from: 0, count });
    return this.#end(to);
  }

  async #end(stream: string): Promise<SinkReport> {
    for (;;) {
      const { reply } = await this.shell.append(stream, { report: true }, { until: "consumed" });
      const report = reply as SinkReport;
      if (report.end > 0 && report.last >= report.end) return report;
      await this.shell.sleep(100);
    }
  }
}

function check({ lost, repeated, outOfOrder }: SinkReport): void {
  if (lost + repeated + outOfOrder > 0)
    throw new Error(`lost ${lost}, repeated ${repeated}, out of order ${outOfOrder}`);
}
