import type { GroupSockets } from "../../reflector/index.ts";
import type { ProcessClock } from "./process-clock.ts";
import type { VirtualNetwork } from "./virtual-network.ts";

/** A site at which groups are heard. */
interface GroupMember {
  readonly name: string;
  readonly machine: string;
  readonly process: ProcessClock;
}

interface Input {
  readonly member: GroupMember;
  /** Whose sockets they are: those of a process that has ended hear nothing. */
  readonly process: ProcessClock;
  readonly key: string;
  readonly onPackets: (bytes: Uint8Array) => void;
}

/** Multicast between the sites of a world. Nothing is lost there by chance. */
export class VirtualGroups {
  /** Packets sent to groups: each counts once, however many hear it. */
  sent = 0;
  /** Names of sites that groups do not reach now. */
  readonly deaf = new Set<string>();
  readonly #network: VirtualNetwork;
  readonly #inputs = new Set<Input>();
  #ports = 40_000;

  constructor(network: VirtualNetwork) {
    this.#network = network;
  }

  /** The groups as the present process of a site meets them. */
  at(member: GroupMember): GroupSockets {
    const { process } = member;
    return {
      openOutput: async ({ group, port }) => {
        const from = { host: member.name, port: ++this.#ports };
        return {
          from,
          salt: undefined,
          isSpent: false,
          send: (packet) => {
            if (process.isDead) return false;
            this.sent++;
            this.#send(member, `${group} ${port} ${from.host} ${from.port}`, packet);
            return true;
          },
          close() {},
        };
      },
      openInput: async ({ group, port, from }, onPackets) => {
        const key = `${group} ${port} ${from.host} ${from.port}`;
        const input: Input = { member, process, key, onPackets };
        this.#inputs.add(input);
        return { close: () => void this.#inputs.delete(input) };
      },
    };
  }

  #send({ machine }: GroupMember, key: string, packet: Uint8Array): void {
    for (const input of this.#inputs) {
      const { member, process } = input;
      if (process.isDead) this.#inputs.delete(input);
      if (process.isDead || input.key !== key || this.deaf.has(member.name)) continue;
      this.#network.datagram(machine, member.machine, packet.byteLength, 0, () =>
        process.hold(() => {
          if (this.#inputs.has(input)) input.onPackets(packet.slice());
        }),
      );
    }
  }
}
