import {
  type AgentSpec,
  type AttachRequest,
  type CodeStore,
  type DescribeDefinition,
  makeSpec,
  prepareAgent,
  prepareHandler,
} from "../../agent/index.ts";
import { MeanderError } from "../../base/index.ts";

/** What uploads stand on. */
export interface UploadsOptions {
  readonly describe: DescribeDefinition;
  readonly code: CodeStore;
}

/** Reads, checks and keeps what shells and agents upload. */
export class Uploads {
  readonly #options: UploadsOptions;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** @throws {MeanderError} `code-…`, `agent-invalid`, `briefcase-too-large`, `directory-…` */
  async agent(
    request: AttachRequest,
    owner: string,
  ): Promise<{ readonly spec: AgentSpec; readonly briefcase: Uint8Array }> {
    const { source, file, name, briefcase } = request;
    const { code, describe } = this.#options;
    const prepared = await prepareAgent({ source, file });
    const { briefcase: own, handlers: _handlers, ...fields } = await describe(prepared.expression);
    const spec = makeSpec({ fields, name, owner, code: prepared.sha256 });
    const packed = briefcase ?? own;
    const { briefcaseBytes } = spec.limits;
    if (packed.byteLength > briefcaseBytes)
      throw new MeanderError("briefcase-too-large", `it has ${packed.byteLength} bytes packed`, {
        where: `agent ${spec.name}`,
        expected: `at most ${briefcaseBytes}`,
        next: "put less in it, or raise limits.briefcaseBytes",
      });
    await code.put(prepared);
    return { spec, briefcase: packed };
  }

  /** The hash of a replaced handler. @throws {MeanderError} `code-…`, `directory-…` */
  async handler(source: string, where: string): Promise<string> {
    const prepared = await prepareHandler(source, where);
    await this.#options.code.put(prepared);
    return prepared.sha256;
  }
}
