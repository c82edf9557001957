import { delay, MeanderError } from "../base/index.ts";
import { connectShell, type Shell } from "../session/shell/index.ts";
import type { ShellScript } from "./simulation.ts";
import { ProcessClock } from "./world/process-clock.ts";
import type { SimSite } from "./world/sim-site.ts";
import { virtualSocketPair } from "./world/virtual-socket.ts";
import type { World } from "./world/world.ts";

/** Pause before a shell whose site is not there tries again, ms. */
const AGAIN_MS = 100;

interface SimShell {
  readonly site: SimSite;
  readonly name: string;
  readonly script: ShellScript;
  /** Of a process of its own, on the site's machine. */
  readonly process: ProcessClock;
}

/** The shells of a world: each is a process beside its site, connected to it as live ones are. */
export class SimShells {
  readonly #world: World;
  readonly #shells: SimShell[] = [];
  #isStanding = false;

  constructor(world: World) {
    this.#world = world;
  }

  get count(): number {
    return this.#shells.length;
  }

  /** Its script begins when the session stands. */
  add(site: SimSite, script: ShellScript, name = `shell-${this.#shells.length + 1}`): void {
    if (!/^[A-Za-z0-9_-]{1,40}$/.test(name))
      throw new MeanderError("simulation-invalid", `got ${JSON.stringify(name)}`, {
        where: "createShell: name",
        expected: "1 to 40 letters, digits, - and _",
      });
    const process = new ProcessClock(this.#world.clock, site.skew);
    const shell = { site, name, script, process };
    this.#shells.push(shell);
    if (this.#isStanding) this.#start(shell);
  }

  /** The session stands: the scripts begin. */
  start(): void {
    this.#isStanding = true;
    for (const shell of this.#shells) this.#start(shell);
  }

  /** A machine's clock was set: so are those of the shells on it. */
  skewed(machine: string): void {
    for (const { site, process } of this.#shells)
      if (site.machine === machine) process.setSkew(site.skew);
  }

  #start(shell: SimShell): void {
    this.#world.run(async () => {
      const connected = await this.#connect(shell);
      await shell.script(connected);
      await connected.close();
    });
  }

  async #connect({ site, name, process }: SimShell): Promise<Shell> {
    for (;;) {
      await site.whenJoined();
      try {
        return await connectShell(
          `http://${site.name}`,
          async () => dial(this.#world, site, process),
          {
            name,
            clock: process,
          },
        );
      } catch (error) {
        // The site was killed just now.
        if (!(error instanceof MeanderError) || error.code !== "site-unreachable") throw error;
        await delay(process, "connect again", AGAIN_MS);
      }
    }
  }
}

function dial(
  { network }: World,
  site: SimSite,
  process: ProcessClock,
): ReturnType<typeof virtualSocketPair>[0] {
  const { machine } = site;
  const ends = [
    { machine, process },
    { machine, process: site.process },
  ] as const;
  const [mine, theirs] = virtualSocketPair(network, ...ends);
  site.process.hold(() => site.acceptShell(theirs));
  return mine;
}
