import type { Change } from "../directory/index.ts";
import {
  authorOfStream,
  type CodePolicy,
  codePolicySchema,
  type PolicyRule,
  type StreamRecord,
  streamRecordSchema,
} from "../session/index.ts";

/** What the directory has of streams and policies, as far as it was told. */
export class StreamTable {
  readonly #records = new Map<string, StreamRecord>();
  readonly #byId = new Map<number, StreamRecord>();
  /** By stream, those that one author wrote. */
  readonly #authors = new Map<string, string>();
  /** Whether any policy is code: nothing is looked up for each message where none is. */
  #hasCode = false;
  readonly #policies = new Map<string, readonly PolicyRule[] | CodePolicy>();

  get records(): readonly StreamRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  byName(name: string): StreamRecord | undefined {
    return this.#records.get(name);
  }

  byId(id: number): StreamRecord | undefined {
    return this.#byId.get(id);
  }

  /** [A71] Who wrote all the code of a stream; undefined: there is no such author. */
  authorOf(stream: string): string | undefined {
    return this.#authors.get(stream);
  }

  get policies(): Readonly<Record<string, readonly PolicyRule[] | CodePolicy>> {
    return Object.fromEntries([...this.#policies].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** The rules of a scope; none, too, where its policy is code: that judges at the leader. */
  rules(scope: string): readonly PolicyRule[] {
    const policy = this.#policies.get(scope) ?? [];
    return "code" in policy ? [] : policy;
  }

  /** Whether a policy that is code judges requests about a stream at a site. */
  isJudgedByCode(stream: string | undefined, site: string): boolean {
    if (!this.#hasCode) return false;
    const scopes = ["session", `sites/${site}`];
    return (stream === undefined ? scopes : [...scopes, `streams/${stream}`]).some(
      (scope) => "code" in (this.#policies.get(scope) ?? []),
    );
  }

  /** A change below `streams/`. @returns what became of which stream; undefined when it says nothing new */
  streamChanged(change: Change):
    | {
        readonly type: "set";
        readonly record: StreamRecord;
        readonly before: StreamRecord | undefined;
      }
    | { readonly type: "removed"; readonly record: StreamRecord }
    | undefined {
    if (change.type === "synced") return undefined;
    if (change.type === "deleted") {
      const name = change.key.slice("streams/".length);
      const record = this.#records.get(name);
      if (record === undefined) return undefined;
      this.#records.delete(name);
      this.#authors.delete(name);
      this.#byId.delete(record.id);
      return { type: "removed", record };
    }
    const parsed = streamRecordSchema.safeParse(change.entry.value);
    return parsed.success ? this.learn(parsed.data) : undefined;
  }

  /** A record that came another way than the watch; older ones are ignored. */
  learn(record: StreamRecord):
    | {
        readonly type: "set";
        readonly record: StreamRecord;
        readonly before: StreamRecord | undefined;
      }
    | undefined {
    const before = this.#records.get(record.name);
    if (before !== undefined && before.id === record.id && before.streamEpoch > record.streamEpoch)
      return undefined;
    if (before !== undefined && before.id > record.id) return undefined;
    if (before !== undefined) this.#byId.delete(before.id);
    this.#records.set(record.name, record);
    const author = authorOfStream(record.agents);
    if (author === undefined) this.#authors.delete(record.name);
    else this.#authors.set(record.name, author);
    this.#byId.set(record.id, record);
    return { type: "set", record, before };
  }

  /** A change below `policy/`. */
  policyChanged(change: Change): void {
    if (change.type === "put") {
      const { key, value } = change.entry;
      const policy = codePolicySchema.safeParse(value).data ?? (value as unknown as PolicyRule[]);
      this.#policies.set(key.slice("policy/".length), policy);
    }
    if (change.type === "deleted") this.#policies.delete(change.key.slice("policy/".length));
    this.#hasCode = [...this.#policies.values()].some((policy) => "code" in policy);
  }
}
