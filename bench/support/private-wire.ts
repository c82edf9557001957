import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

/**
 * A machine of its own: a network namespace with one Ethernet to this machine, which can be cut. Needs iproute2 and
 * root.
 */
export class Wire {
  /** Of this process so far: what is removed goes some time later, and its names with it. */
  static #count = 0;
  /** The address of this machine on it. */
  readonly nearHost: string;
  /** The address of the other. */
  readonly farHost: string;
  readonly #space: string;
  readonly #device: string;

  private constructor(count: number) {
    const number = (process.pid + count) % 250;
    this.#space = `meander-${process.pid}-${count}`;
    this.#device = `mw${process.pid % 1_000_000}x${count % 10_000}`;
    this.nearHost = `10.216.${number}.1`;
    this.farHost = `10.216.${number}.2`;
  }

  /** @throws {Error} where this machine does not permit it: says what failed */
  static async open(): Promise<Wire> {
    const wire = new Wire(Wire.#count++);
    process.once("exit", wire.#remove);
    try {
      await wire.#build();
      return wire;
    } catch (error) {
      await wire.close();
      throw error;
    }
  }

  /** Words before a command that runs there. */
  get before(): readonly string[] {
    return ["ip", "netns", "exec", this.#space];
  }

  /** Drops all packets between the two machines, in both directions, without a word to either, or no longer. */
  async cut(isCut: boolean): Promise<void> {
    // The bridge keeps both ends up: a cable would be seen to be out.
    const to = isCut ? ["nomaster"] : ["master", "lan"];
    await ip("-n", this.#hub, "link", "set", "far", ...to);
  }

  /** Removes all of it. What is left at the end of the process, as after Ctrl-C, is removed then. */
  async close(): Promise<void> {
    process.off("exit", this.#remove);
    this.#remove();
  }

  readonly #remove = (): void => {
    // The device of this machine ends with its other end.
    for (const space of [this.#space, this.#hub]) spawnSync("ip", ["netns", "delete", space]);
  };

  get #hub(): string {
    return `${this.#space}-lan`;
  }

  async #build(): Promise<void> {
    const [far, hub, device] = [this.#space, this.#hub, this.#device];
    for (const space of [far, hub]) await ip("netns", "add", space);
    await ip("-n", hub, ...words("link add lan type bridge mcast_snooping 0"));
    await ip("-n", hub, ...words("link set lan up"));
    await ip(...words(`link add ${device} type veth peer name near netns ${hub}`));
    await ip("-n", far, ...words(`link add eth0 type veth peer name far netns ${hub}`));
    for (const port of ["near", "far"])
      await ip("-n", hub, ...words(`link set ${port} master lan up`));
    await ip(...words(`address add ${this.nearHost}/24 dev ${device}`));
    await ip(...words(`link set ${device} up`));
    await ip("-n", far, ...words(`address add ${this.farHost}/24 dev eth0`));
    for (const each of ["lo", "eth0"]) await ip("-n", far, "link", "set", each, "up");
  }
}

function words(text: string): string[] {
  return text.split(" ");
}

async function ip(...args: readonly string[]): Promise<void> {
  await promisify(execFile)("ip", args);
}
