import { Counters, MeanderError } from "../base/index.ts";
import type { Directory } from "../directory/index.ts";
import { checkEnvelope, readEnvelope, type SignatureCheck } from "../trust/index.ts";
import { accessPolicySchema } from "./access.ts";
import type { AgentRecord } from "./stream-records.ts";

/** What a leader checks with who wrote a piece of code. */
export interface AuthorChecks {
  readonly signature: SignatureCheck;
  /**
   * SHA-256 of a source as it was uploaded, hex. @param code hash of the prepared code, which has it. Undefined: there
   * is no such code
   */
  sourceHash(code: string): Promise<string | undefined>;
}

/** What {@link Authorship} uses. */
export interface AuthorshipPorts {
  readonly directory: Pick<Directory, "get">;
  /** Undefined: no signatures are taken. */
  readonly checks: AuthorChecks | undefined;
  /** Wall clock, ms. */
  now(): number;
}

/** A piece of code that somebody uploads. */
export interface UploadedCode {
  readonly kind: "agent" | "handler" | "policy";
  /** Hash of the prepared code. */
  readonly code: string;
  /** Where it is used: `streams/NAME`, or the scope of a policy. */
  readonly scope: string;
}

/** [A70] Finds out, at the leader, who wrote the code that is uploaded. */
export class Authorship {
  /** Envelopes that were refused, by code. */
  readonly refused = new Counters();
  readonly #ports: AuthorshipPorts;

  constructor(ports: AuthorshipPorts) {
    this.#ports = ports;
  }

  /**
   * The author of uploaded code, as text; undefined: it is not signed.
   *
   * @param signed the envelope that came with it, unread
   * @throws {MeanderError} `author-…`
   */
  async authorOf(
    signed: unknown,
    { kind, code, scope }: UploadedCode,
  ): Promise<string | undefined> {
    if (signed === undefined || signed === null) return undefined;
    try {
      const envelope = readEnvelope(signed);
      const { checks, directory } = this.#ports;
      const sha256 = await checks?.sourceHash(code);
      if (checks === undefined || sha256 === undefined)
        throw new MeanderError("author-mismatch", "the session does not have the code", {
          where: `code ${code}`,
          expected: "the code that the envelope came with",
        });
      const entry = await directory.get("access/policy");
      const session = accessPolicySchema.safeParse(entry?.value).data?.key.id;
      const use = { kind, sha256, session, scope, now: this.#ports.now() };
      return await checkEnvelope(envelope, use, checks.signature);
    } catch (error) {
      if (error instanceof MeanderError) this.refused.add(error.code);
      throw error;
    }
  }
}

/** [A71] Who wrote all the code of an agent; undefined: there is no such author. */
export function authorOfAgent({ spec, author, handlers = {} }: AgentRecord): string | undefined {
  const replaced = Object.entries(spec.replaced).filter(([, code]) => code !== null);
  const isWhole = replaced.every(([event]) => handlers[event as keyof typeof handlers] === author);
  return isWhole ? author : undefined;
}

/** [A71] Who wrote all the code of a stream; undefined: no single author did, or some of it is not signed. */
export function authorOfStream(agents: readonly AgentRecord[]): string | undefined {
  const [first, ...others] = agents.map(authorOfAgent);
  return others.every((other) => other === first) ? first : undefined;
}
