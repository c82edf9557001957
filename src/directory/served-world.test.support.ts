import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom, SILENT, VirtualClock } from "../base/index.ts";
import type { DirectoryStatus } from "./directory.ts";
import { DirectoryClient } from "./directory-client.ts";
import { DirectoryServer } from "./directory-server.ts";
import { ALL_RIGHTS } from "./directory-under-test.conformance.ts";
import { EmbeddedDirectory } from "./embedded/embedded-directory.ts";
import { memorySocketPair } from "./memory-socket.ts";
import type { MessageSocket } from "./message-socket.ts";

/** A served directory, and connections to it that can be cut. */
export class ServedWorld implements AsyncDisposable {
  readonly clock: VirtualClock;
  embedded: EmbeddedDirectory;
  server: DirectoryServer;
  /** Whether attempts to connect succeed. */
  reachable = true;
  /** Attempts to connect neither succeed nor fail. */
  mute = false;
  dials = 0;
  #path: string;
  #scripted: MessageSocket | undefined;
  readonly #sockets: MessageSocket[] = [];

  private constructor(path: string, embedded: EmbeddedDirectory, clock: VirtualClock) {
    this.#path = path;
    this.clock = clock;
    this.embedded = embedded;
    this.server = new DirectoryServer(embedded, { log: SILENT, clock, rights: ALL_RIGHTS });
  }

  static async make(): Promise<ServedWorld> {
    const path = mkdtempSync(join(tmpdir(), "meander-client-"));
    const clock = new VirtualClock();
    return new ServedWorld(path, await open(path, clock, 1), clock);
  }

  client(): DirectoryClient {
    return new DirectoryClient({
      clock: this.clock,
      random: new SeededRandom(5),
      log: SILENT,
      dial: () => this.#dial(),
    });
  }

  /** Ends the connections there are; settles when the client has noticed. */
  async cut(client: DirectoryClient): Promise<void> {
    const statuses = new Statuses(client);
    for (const socket of this.#sockets.splice(0)) socket.close();
    await statuses.count(2);
  }

  /** Puts an empty directory in the place of this one. */
  async renew(): Promise<void> {
    await this.#close();
    this.#path = mkdtempSync(join(tmpdir(), "meander-client-"));
    this.embedded = await open(this.#path, this.clock, 2);
    this.server = new DirectoryServer(this.embedded, {
      log: SILENT,
      clock: this.clock,
      rights: ALL_RIGHTS,
    });
  }

  /** The next connection leads to a directory that greets (or sends `greeting`) and then says what the test says. */
  silent(greeting = '{"type":"hello","protocol":1,"directory":"silent"}'): SilentDirectory {
    const [near, far] = memorySocketPair();
    this.reachable = false;
    this.#scripted = near;
    return new SilentDirectory(far, greeting);
  }

  /** Lets time pass in small steps until something is so. */
  async advanceUntil(check: () => boolean): Promise<void> {
    while (!check()) {
      this.clock.advance(1);
      await this.quiet();
    }
  }

  /** Settles when the messages on their way have arrived: sockets here need no time but turns. */
  async quiet(): Promise<void> {
    for (let turn = 0; turn < 3; turn++)
      await new Promise<void>((resolve) => setImmediate(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async #close(): Promise<void> {
    this.server.close();
    await this.embedded[Symbol.asyncDispose]();
    rmSync(this.#path, { recursive: true, force: true });
  }

  async #dial(): Promise<MessageSocket> {
    this.dials++;
    const scripted = this.#scripted;
    this.#scripted = undefined;
    if (scripted !== undefined) return scripted;
    if (this.mute) return await new Promise<MessageSocket>(() => {});
    if (!this.reachable) throw new Error("connection refused");
    const [near, far] = memorySocketPair();
    this.server.attach(far);
    this.#sockets.push(far);
    return near;
  }
}

/** The far end of a connection, played by the test: it greets, and answers nothing by itself. */
export class SilentDirectory {
  /** Settles when the client took the greeting. */
  readonly greeted: Promise<void>;
  /** What came, but for greetings and pings. */
  readonly texts: string[] = [];
  readonly #socket: MessageSocket;
  #waiting: (() => void)[] = [];

  constructor(socket: MessageSocket, greeting: string) {
    this.#socket = socket;
    this.greeted = new Promise((resolve) => {
      socket.onMessage((text) => {
        const { type } = JSON.parse(text) as { type: string };
        if (type === "hello") socket.send(greeting);
        else if (type === "ping") resolve();
        else this.texts.push(text);
        for (const check of this.#waiting.splice(0)) check();
      });
    });
  }

  /** Settles when `count` calls have come. */
  async received(count: number): Promise<void> {
    while (this.texts.length < count)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  close(): void {
    this.#socket.close();
  }
}

/** Records the statuses of a directory. */
export class Statuses {
  readonly all: DirectoryStatus[] = [];
  #waiting: (() => void)[] = [];

  constructor(client: DirectoryClient) {
    client.onStatus((status) => {
      this.all.push(status);
      for (const check of this.#waiting.splice(0)) check();
    });
  }

  async count(count: number): Promise<void> {
    while (this.all.length < count)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

function open(path: string, clock: VirtualClock, seed: number): Promise<EmbeddedDirectory> {
  return EmbeddedDirectory.open({ path, clock, random: new SeededRandom(seed), log: SILENT });
}
