import { z } from "zod";
import { type Cancel, LIMITS, MeanderError, messageOf } from "../base/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { type Call, Calls, type OnLoss, unreachableError } from "./calls.ts";
import { ClientBlobs } from "./client-blobs.ts";
import { ClientCalls } from "./client-calls.ts";
import { ClientWatch, pageSchema } from "./client-watch.ts";
import type {
  Change,
  Directory,
  DirectoryStatus,
  Entry,
  Json,
  Lease,
  RequestOptions,
  WriteOptions,
} from "./directory.ts";
import { checkKey, checkPrefix } from "./key.ts";
import { entrySchema, type ServerMessage } from "./messages.ts";
import { type DialOptions, ReconnectingSocket } from "./reconnecting-socket.ts";
import type { CallHandler } from "./site-calls.ts";
import { encodeJson, encodeValue } from "./value.ts";
import { decodeError } from "./wire-error.ts";

const revisionSchema = z.int().min(1);
const leaseSchema = z.object({
  id: z.string().max(LIMITS.directoryKeyLengthMax),
  ttlMs: z.number(),
});
const jsonSchema = z.custom<Json>((value) => value !== undefined);

/** What a {@link DirectoryClient} depends on. */
export interface DirectoryClientOptions extends DialOptions {
  /** [D22] The directory does not let this client in, or no longer. It tries again. */
  readonly onDismissed?: ((error: MeanderError) => void) | undefined;
}

/**
 * The directory of a leading site, used over a message socket. Runs in browsers.
 *
 * [D16] Calls made without a connection wait for one, up to {@link LIMITS.directoryCallMs}, then throw
 * `directory-unreachable`. `compareAndSet`, `delete` and `request` also throw it when the connection ends before their
 * answer: they may already have taken effect. [D17] Watches continue after a reconnect. [D22] When the directory does
 * not admit the client, calls fail with the directory's error. In addition to the errors of every {@link Directory}:
 * `directory-closed`, `directory-busy`, `directory-full`, `directory-answer-invalid`.
 */
export class DirectoryClient implements Directory {
  readonly #options: DirectoryClientOptions;
  readonly #socket: ReconnectingSocket;
  readonly #calls: Calls;
  readonly #blobs: ClientBlobs;
  readonly #siteCalls: ClientCalls;
  readonly #watches = new Map<number, ClientWatch>();
  readonly #statusListeners = new Set<(status: DirectoryStatus) => void>();
  /** Watches whose first synchronisation is awaited. */
  readonly #firsts = new Map<ClientWatch, { resolve(): void; reject(error: unknown): void }>();
  #status: DirectoryStatus = { type: "disconnected", reason: "connecting" };
  #directory = "";
  #nextWatch = 1;
  #closed = false;

  /** Starts to connect at once. */
  constructor(options: DirectoryClientOptions) {
    this.#options = options;
    this.#calls = new Calls(options.clock, (message) => this.#socket.send(message));
    this.#blobs = new ClientBlobs(this.#calls);
    this.#siteCalls = new ClientCalls(options.log, (message) => this.#socket.send(message));
    this.#socket = new ReconnectingSocket(options, {
      onUp: (directory) => this.#up(directory),
      onDown: (reason) => this.#down(reason),
      onMessage: (message) => this.#receive(message),
      onDismissed: (error) => this.#dismissed(decodeError(error)),
    });
  }

  async get(key: string): Promise<Entry | undefined> {
    checkKey(key);
    return (await this.#call({ type: "get", key }, "repeat", entrySchema.nullable())) ?? undefined;
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    checkPrefix(prefix);
    const entries: Entry[] = [];
    for (;;) {
      const after = entries.at(-1)?.key ?? "";
      const page = await this.#call({ type: "list", prefix, after }, "repeat", pageSchema);
      entries.push(...page.entries);
      if (!page.more || page.entries.length === 0) return entries;
    }
  }

  async put(key: string, value: Json, options: WriteOptions = {}): Promise<number> {
    checkKey(key);
    encodeValue(key, value);
    return await this.#call(
      { type: "put", key, value, ...leaseOf(options) },
      "repeat",
      revisionSchema,
    );
  }

  async compareAndSet(
    key: string,
    expected: number,
    value: Json,
    options: WriteOptions = {},
  ): Promise<number | undefined> {
    checkKey(key);
    encodeValue(key, value);
    const call: Call = { type: "compare-and-set", key, expected, value, ...leaseOf(options) };
    return (await this.#call(call, "fail", revisionSchema.nullable())) ?? undefined;
  }

  async delete(key: string, expected?: number): Promise<boolean> {
    checkKey(key);
    const call: Call = { type: "delete", key, ...(expected === undefined ? {} : { expected }) };
    return await this.#call(call, "fail", z.boolean());
  }

  async watch(prefix: string, listener: (change: Change) => void): Promise<() => void> {
    checkPrefix(prefix);
    this.#checkOpen();
    const watch = new ClientWatch(this.#nextWatch++, prefix, this.#calls, listener);
    this.#watches.set(watch.id, watch);
    try {
      await this.#first(watch);
    } catch (error) {
      this.#unwatch(watch);
      throw error;
    }
    return () => this.#unwatch(watch);
  }

  async grantLease(ttlMs: number): Promise<Lease> {
    return await this.#call({ type: "grant-lease", ttlMs }, "repeat", leaseSchema);
  }

  async renewLease(lease: Lease): Promise<void> {
    await this.#call({ type: "renew-lease", lease: lease.id }, "repeat", z.null());
  }

  async revokeLease(lease: Lease): Promise<void> {
    await this.#call({ type: "revoke-lease", lease: lease.id }, "repeat", z.null());
  }

  async putBlob(bytes: Uint8Array): Promise<string> {
    this.#checkOpen();
    return await this.#blobs.put(bytes);
  }

  async getBlob(sha256: string): Promise<Uint8Array | undefined> {
    this.#checkOpen();
    return await this.#blobs.get(sha256);
  }

  async request(subject: string, payload: Json, options: RequestOptions = {}): Promise<Json> {
    encodeJson(`request ${subject}`, payload, LIMITS.directoryValueBytesMax);
    this.#checkOpen();
    const call: Call = { type: "request", subject, payload };
    return await this.#calls.make(call, "fail", jsonSchema, options.timeoutMs);
  }

  serve(place: SiteInstance, handler: CallHandler): () => void {
    this.#checkOpen();
    return this.#siteCalls.serve(place, handler);
  }

  onStatus(listener: (status: DirectoryStatus) => void): () => void {
    this.#statusListeners.add(listener);
    listener(this.#status);
    return () => void this.#statusListeners.delete(listener);
  }

  /** Fails what waits with `directory-closed`. The directory itself is not touched, nor are leases. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.#siteCalls.down();
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
    for (const first of this.#firsts.values()) first.reject(closedError());
    this.#calls.fail(closedError());
    this.#setStatus({ type: "disconnected", reason: "closed" });
  }

  async #call<T>(call: Call, onLoss: OnLoss, answer: z.ZodType<T>): Promise<T> {
    this.#checkOpen();
    return await this.#calls.make(call, onLoss, answer);
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }

  #up(directory: string): void {
    this.#directory = directory;
    // Registered first, so that the leader can call the site as soon as it sees it.
    this.#siteCalls.up();
    this.#calls.up();
    for (const watch of [...this.#watches.values()]) void this.#synchronise(watch);
    this.#setStatus({ type: "connected" });
  }

  #down(reason: string): void {
    for (const watch of this.#watches.values()) watch.disconnected();
    this.#siteCalls.down();
    this.#calls.down(reason);
    this.#setStatus({ type: "disconnected", reason });
  }

  /** [D22] Waiting calls fail with the directory's error: retrying with the same token would not help. */
  #dismissed(error: MeanderError): void {
    this.#options.onDismissed?.(error);
    for (const first of [...this.#firsts.values()]) first.reject(error);
    this.#calls.fail(error);
  }

  #receive(message: ServerMessage): void {
    if (message.type === "answer") this.#calls.answered(message.id, message.result);
    if (message.type === "refused") this.#calls.refused(message.id, message.error);
    if (message.type === "change") this.#watches.get(message.watch)?.change(message.change);
    if (message.type === "call") this.#siteCalls.take(message.id, message.payload);
  }

  /** Settles when the watch is up to date for the first time. */
  async #first(watch: ClientWatch): Promise<void> {
    let cancel: Cancel | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#firsts.set(watch, { resolve, reject });
        cancel = this.#options.clock.after("directory watch", LIMITS.directoryCallMs, () =>
          reject(unreachableError(`no answer to watch in ${LIMITS.directoryCallMs} ms`)),
        );
        if (this.#socket.isUp) void this.#synchronise(watch);
      });
    } finally {
      cancel?.();
      this.#firsts.delete(watch);
    }
  }

  async #synchronise(watch: ClientWatch): Promise<void> {
    try {
      if (await watch.synchronise(this.#directory)) this.#firsts.get(watch)?.resolve();
    } catch (error) {
      if (!this.#socket.isUp || !this.#watches.has(watch.id)) return;
      const first = this.#firsts.get(watch);
      if (first !== undefined) return first.reject(error);
      // A watch with gaps would be worse than a new connection.
      this.#socket.reset(`a watch could not go on: ${messageOf(error)}`);
    }
  }

  #unwatch(watch: ClientWatch): void {
    watch.close();
    if (!this.#watches.delete(watch.id) || !this.#socket.isUp) return;
    this.#calls.make({ type: "unwatch", watch: watch.id }, "fail", z.null()).catch(() => {
      // Without a connection there is nothing to undo.
    });
  }

  #setStatus(status: DirectoryStatus): void {
    if (this.#status.type === status.type && status.type === "connected") return;
    this.#status = status;
    for (const listener of [...this.#statusListeners]) listener(status);
  }
}

function leaseOf({ lease }: WriteOptions): { lease?: string } {
  return lease === undefined ? {} : { lease: lease.id };
}

function closedError(): MeanderError {
  return new MeanderError("directory-closed", "the directory was closed", { where: "directory" });
}
