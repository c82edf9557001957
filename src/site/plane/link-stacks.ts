import { type Clock, LIMITS, type Log, type Random } from "../../base/index.ts";
import type { Refusal } from "../../channel/index.ts";
import type { LinkTrace, PeerSnapshot } from "../../client/contract/index.ts";
import { type LinkSecurity, type Neighbour, siteProof } from "../../reflector/index.ts";
import {
  acceptStack,
  Bottlenecks,
  type Connection,
  completeStack,
  composeStack,
  HandshakeBudget,
  parseStack,
  type StackPorts,
  TraceRegistry,
} from "../../stack/index.ts";
import { isLoopback, nodeCipher, parseAddress } from "../../transport/index.ts";

/** What {@link LinkStacks} work with. */
export interface LinkStacksOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Whether links to and from other machines have to be private. */
  readonly privateLinks: boolean;
}

/**
 * The stacks of a site's links: completes them, composes their modules, and requires private links where configured.
 */
export class LinkStacks implements LinkSecurity {
  readonly #isPrivate: boolean;
  readonly #traces = new TraceRegistry();
  readonly #ports: StackPorts;
  #secret: Uint8Array | undefined;

  constructor({ clock, random, log, privateLinks }: LinkStacksOptions) {
    this.#isPrivate = privateLinks;
    this.#ports = {
      clock,
      random,
      log,
      cipher: nodeCipher,
      secret: () => this.#secret,
      handshakes: new HandshakeBudget(LIMITS.handshakesPerSite),
      bottlenecks: new Bottlenecks(),
      traces: this.#traces,
    };
  }

  /** Sets the session's link key, once the site has joined: until then private connections wait. */
  setLinkKey(linkKey: string): void {
    this.#secret = new TextEncoder().encode(linkKey);
  }

  /** Undefined until the site has joined. */
  get linkKey(): Uint8Array | undefined {
    return this.#secret;
  }

  /** Composes the modules of a complete stack over a dialled connection. */
  compose(stack: string, connection: Connection): Connection {
    return composeStack(parseStack(stack).modules, connection, this.#ports);
  }

  /** Composes the stack of an accepted connection. */
  accept(connection: Connection): Connection {
    return acceptStack(connection, this.#ports);
  }

  /** What the `trace` modules of links recorded, with the names of the sites at their other ends. */
  traces(
    peers: readonly PeerSnapshot[],
    { link, last }: { readonly link?: string | undefined; readonly last: number },
  ): LinkTrace[] {
    return this.#traces.read(last).flatMap((record) => {
      const peer = peers.find(
        ({ address, stack }) => address === record.peer && stack.endsWith(record.stack),
      );
      const name = peer?.name ?? "";
      return link === undefined || link === name ? [{ link: name, ...record }] : [];
    });
  }

  stackTo(neighbour: Neighbour | undefined, text: string): string {
    const isFar = neighbour !== undefined && !isLoopback(neighbour.udp.host);
    return completeStack(text, { isPrivate: this.#isPrivate && isFar });
  }

  refuse(connection: Connection): Refusal | undefined {
    if (!this.#isPrivate || connection.isPrivate === true) return undefined;
    if (isLoopback(hostOf(connection.peer))) return undefined;
    return {
      code: "privacy-required",
      message:
        "links from other machines must be private; start both sites with the same --no-private-links, or neither",
    };
  }

  proofOf(linkKey: string, instance: { readonly name: string; readonly instance: number }): string {
    return siteProof(nodeCipher, linkKey, instance);
  }
}

/** The host of a connection's peer; empty when it is unknown. */
function hostOf(peer: string): string {
  try {
    return parseAddress(peer).host;
  } catch {
    return "";
  }
}
