import { MeanderError } from "../base/index.ts";
import { type Asker, maySetPolicy } from "./asker.ts";
import { siteNameSchema } from "./model.ts";
import { streamNameSchema } from "./stream-record-schema.ts";
import type { StreamStore } from "./stream-store.ts";

/**
 * The scope of a request about policies, which who asks may read and set. [A33]
 *
 * @throws {MeanderError} `policy-invalid`, which says where; `denied`
 */
export async function scopeOf(
  { store }: { readonly store: Pick<StreamStore, "find"> },
  asked: unknown,
  by: Asker,
): Promise<string> {
  const scope = checkScope(asked);
  if (await mayHandle(store, scope, by)) return scope;
  throw new MeanderError("denied", `${by.text} may not set the policy of ${scope}`, {
    where: `policy ${scope}`,
    expected: scope.startsWith("streams/")
      ? "the stream's owner, or a token that allows policy on it or administer"
      : "a token that allows policy there, or administer",
  });
}

/** [A33] Whether a principal may read and set the policy of a scope. */
export async function mayHandle(
  store: Pick<StreamStore, "find">,
  scope: string,
  by: Asker,
): Promise<boolean> {
  const stream = scope.startsWith("streams/") ? scope.slice("streams/".length) : undefined;
  const held = stream === undefined ? undefined : await store.find(stream);
  return maySetPolicy(by, scope, held?.record);
}

function checkScope(scope: unknown): string {
  if (scope === "session") return scope;
  const [kind, name, ...more] = typeof scope === "string" ? scope.split("/") : [];
  const schema = kind === "sites" ? siteNameSchema : streamNameSchema;
  const known = kind === "sites" || kind === "streams";
  if (known && more.length === 0 && schema.safeParse(name).success) return `${kind}/${name}`;
  const shown = JSON.stringify(scope) ?? "nothing";
  throw new MeanderError("policy-invalid", `got ${shown.slice(0, 100)}`, {
    where: "scope",
    expected: "session, sites/NAME or streams/NAME",
  });
}
