import { makeSpec } from "../agent/define/index.ts";
import type { AgentSpec, AttachRequest, ReadAgent, UploadReader } from "../agent/index.ts";
import { MeanderError } from "../base/index.ts";
import type { CodeStore } from "../code/index.ts";
import { type Audit, auditOutcome } from "../trust/index.ts";
import type { OwnerPace } from "./owner-pace.ts";

/** What {@link Uploads} use. */
export interface UploadsPorts {
  readonly reader: UploadReader;
  readonly code: Pick<CodeStore, "put">;
  readonly pace: Pick<OwnerPace, "upload">;
  /** Where it is noted who uploads what. */
  readonly audit: Audit;
}

/** Uploads that are cached: one program attaches the same code to many streams. */
const CACHED_MAX = 64;

/** Reads, checks and stores the code that shells and agents upload. */
export class Uploads {
  readonly #ports: UploadsPorts;
  /** By file and text; the oldest first. */
  readonly #read = new Map<string, ReadAgent>();
  /** What is being read, by owner, file and text. */
  readonly #reading = new Map<string, Promise<ReadAgent>>();

  constructor(ports: UploadsPorts) {
    this.#ports = ports;
  }

  /** @throws {MeanderError} `rate-limited`, `code-…`, `agent-invalid`, `briefcase-too-large`, `directory-…` */
  async agent(
    request: AttachRequest,
    owner: string,
  ): Promise<{ readonly spec: AgentSpec; readonly briefcase: Uint8Array }> {
    const { source, file, name, briefcase } = request;
    const { code, definition } = await this.#noted(owner, () => this.#once(source, file, owner));
    const { briefcase: own, handlers: _handlers, ...fields } = definition;
    const spec = makeSpec({ fields, name, owner, code: code.sha256 });
    const packed = briefcase ?? own;
    const { briefcaseBytes } = spec.limits;
    if (packed.byteLength > briefcaseBytes)
      throw new MeanderError(
        "briefcase-too-large",
        `the briefcase has ${packed.byteLength} bytes packed`,
        {
          where: `agent ${spec.name}`,
          expected: `at most ${briefcaseBytes}`,
          next: "put less in it, or raise limits.briefcaseBytes",
        },
      );
    await this.#ports.code.put(code);
    return { spec, briefcase: packed };
  }

  /** The hash of a replaced handler. @throws {MeanderError} `rate-limited`, `code-…`, `directory-…` */
  async handler(source: string, where: string, owner: string): Promise<string> {
    await this.#ports.pace.upload(owner);
    const { code: prepared } = await this.#noted(owner, async () => ({
      code: await this.#ports.reader.handler({ source, file: where }, owner),
    }));
    await this.#ports.code.put(prepared);
    return prepared.sha256;
  }

  async #noted<T extends { readonly code: { readonly sha256: string } }>(
    owner: string,
    read: () => Promise<T>,
  ): Promise<T> {
    // Shells that show nothing own their code by their names, which are nobody's.
    const by = owner.startsWith("anonymous:") ? "anonymous" : owner;
    const { audit } = this.#ports;
    try {
      const found = await read();
      const on = `code ${found.code.sha256}`;
      audit.note({ by, what: "code.upload", on, verdict: "allowed", rule: "right code" });
      return found;
    } catch (error) {
      audit.note({ by, what: "code.upload", on: "code that was not read", ...auditOutcome(error) });
      throw error;
    }
  }

  async #once(source: string, file: string | undefined, owner: string): Promise<ReadAgent> {
    const key = `${file ?? ""}\n${source}`;
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    // One that attaches the same code to many streams at once has it read once; another owner has its own turn.
    const whose = `${owner}\n${key}`;
    const reading = this.#reading.get(whose) ?? this.#begin(source, file, owner);
    this.#reading.set(whose, reading);
    try {
      const read = await reading;
      this.#keep(key, read);
      return read;
    } finally {
      this.#reading.delete(whose);
    }
  }

  async #begin(source: string, file: string | undefined, owner: string): Promise<ReadAgent> {
    await this.#ports.pace.upload(owner);
    return await this.#ports.reader.agent({ source, file }, owner);
  }

  #keep(key: string, read: ReadAgent): void {
    if (this.#read.has(key)) return;
    const [oldest] = this.#read.keys();
    if (this.#read.size >= CACHED_MAX && oldest !== undefined) this.#read.delete(oldest);
    this.#read.set(key, read);
  }
}
