import {
  type AgentSpec,
  type AttachRequest,
  type DefinitionDescription,
  type DescribeDefinition,
  makeSpec,
} from "../agent/index.ts";
import { MeanderError } from "../base/index.ts";
import { type CodeStore, type PreparedCode, prepareCode } from "../code/index.ts";

/** What uploads stand on. */
export interface UploadsOptions {
  readonly describe: DescribeDefinition;
  readonly code: CodeStore;
}

/** Uploads that are remembered: one program gives the same code to many streams. */
const REMEMBERED_MAX = 64;

interface Read {
  readonly code: PreparedCode;
  readonly definition: DefinitionDescription;
}

/** Reads, checks and keeps what shells and agents upload. */
export class Uploads {
  readonly #options: UploadsOptions;
  /** By file and text; the oldest first. */
  readonly #read = new Map<string, Read>();

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** @throws {MeanderError} `code-…`, `agent-invalid`, `briefcase-too-large`, `directory-…` */
  async agent(
    request: AttachRequest,
    owner: string,
  ): Promise<{ readonly spec: AgentSpec; readonly briefcase: Uint8Array }> {
    const { source, file, name, briefcase } = request;
    const { code, definition } = await this.#once(source, file);
    const { briefcase: own, handlers: _handlers, ...fields } = definition;
    const spec = makeSpec({ fields, name, owner, code: code.sha256 });
    const packed = briefcase ?? own;
    const { briefcaseBytes } = spec.limits;
    if (packed.byteLength > briefcaseBytes)
      throw new MeanderError("briefcase-too-large", `it has ${packed.byteLength} bytes packed`, {
        where: `agent ${spec.name}`,
        expected: `at most ${briefcaseBytes}`,
        next: "put less in it, or raise limits.briefcaseBytes",
      });
    await this.#options.code.put(code);
    return { spec, briefcase: packed };
  }

  /** The hash of a replaced handler. @throws {MeanderError} `code-…`, `directory-…` */
  async handler(source: string, where: string): Promise<string> {
    const prepared = await prepareCode("handler", { source, file: where });
    await this.#options.code.put(prepared);
    return prepared.sha256;
  }

  async #once(source: string, file: string | undefined): Promise<Read> {
    const key = `${file ?? ""}\n${source}`;
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    const code = await prepareCode("agent", { source, file });
    const read = { code, definition: await this.#options.describe(code.expression) };
    const [oldest] = this.#read.keys();
    if (this.#read.size >= REMEMBERED_MAX && oldest !== undefined) this.#read.delete(oldest);
    this.#read.set(key, read);
    return read;
  }
}
