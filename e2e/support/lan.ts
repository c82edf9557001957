import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { MEANDER, type Running, start } from "./processes.ts";

/**
 * Machines on one Ethernet, each a network namespace: `eth0` has 10.214.0.N and fd14::N, from 1 on, and routes all groups.
 * Removed when disposed of.
 */
export class Lan implements AsyncDisposable {
  readonly #names: readonly string[];
  readonly #prefix = `meander-${process.pid}`;
  readonly #running: Running[] = [];

  private constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** Undefined where namespaces cannot be made: that needs iproute2 and root. */
  static async open(...names: readonly string[]): Promise<Lan | undefined> {
    const lan = new Lan(names);
    try {
      await lan.#build();
      return lan;
    } catch {
      await lan[Symbol.asyncDispose]();
      return undefined;
    }
  }

  address(name: string, family: 4 | 6 = 4): string {
    const number = this.#names.indexOf(name) + 1;
    return family === 4 ? `10.214.0.${number}` : `fd14::${number}`;
  }

  /** Starts a program at a machine; ended with the network. */
  start(name: string, program: string, ...args: readonly string[]): Running {
    const running = start("ip", ["netns", "exec", this.#space(name), program, ...args]);
    this.#running.push(running);
    return running;
  }

  /** Runs the command line at a machine. */
  meander(name: string, ...args: readonly string[]): Running {
    return this.start(name, process.execPath, MEANDER, ...args);
  }

  /** Changes the network of a machine: `ip` with these arguments. */
  ip(name: string, ...args: readonly string[]): Promise<string> {
    return ip("-n", this.#space(name), ...args);
  }

  /** What a machine prints when it runs a program to its end. */
  async run(name: string, program: string, ...args: readonly string[]): Promise<string> {
    return ip("netns", "exec", this.#space(name), program, ...args);
  }

  /** Bytes that a machine has sent. */
  async sentBytes(name: string): Promise<number> {
    const parsed = JSON.parse(await this.ip(name, "-s", "-j", "link", "show", "eth0")) as [
      { stats64: { tx: { bytes: number } } },
    ];
    return parsed[0].stats64.tx.bytes;
  }

  /** Whether the switch passes groups on to a machine. */
  async passGroups(name: string, passes: boolean): Promise<void> {
    const port = this.#port(name);
    const flood = passes ? "on" : "off";
    await ip(
      "-n",
      this.#space("switch"),
      "link",
      "set",
      port,
      "type",
      "bridge_slave",
      "mcast_flood",
      flood,
    );
  }

  /** Replaces the network card of a machine: groups joined on the former one are forgotten. */
  async replug(name: string): Promise<void> {
    await ip("-n", this.#space("switch"), "link", "delete", this.#port(name));
    await this.#plug(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map((running) => running.stop()));
    for (const name of [...this.#names, "switch"]) {
      await ip("netns", "delete", this.#space(name)).catch(() => "");
    }
  }

  #space(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  #port(name: string): string {
    return `to-${name}`;
  }

  async #build(): Promise<void> {
    const hub = this.#space("switch");
    await ip("netns", "add", hub);
    // Without snooping it passes groups on to everyone.
    await ip("-n", hub, ...words("link add lan type bridge mcast_snooping 0"));
    await ip("-n", hub, ...words("link set lan up"));
    for (const name of this.#names) {
      const space = this.#space(name);
      await ip("netns", "add", space);
      await ip("-n", space, ...words("link set lo up"));
      await this.#plug(name);
    }
  }

  async #plug(name: string): Promise<void> {
    const hub = this.#space("switch");
    const port = this.#port(name);
    await this.ip(name, ...words(`link add eth0 type veth peer name ${port} netns ${hub}`));
    await ip("-n", hub, ...words(`link set ${port} master lan up`));
    await this.ip(name, ...words("link set eth0 up"));
    await this.ip(name, ...words(`address add ${this.address(name)}/24 dev eth0`));
    await this.ip(name, ...words(`address add ${this.address(name, 6)}/64 dev eth0 nodad`));
    await this.ip(name, ...words("route add 224.0.0.0/4 dev eth0"));
  }
}

function words(text: string): string[] {
  return text.split(" ");
}

async function ip(...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)("ip", args)).stdout;
}
