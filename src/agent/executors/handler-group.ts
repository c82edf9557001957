import type { Appended, AppendOptions, GroupRef, StreamRef } from "../model.ts";

/** Several streams, in the hands of a handler. */
export class HandlerGroup implements GroupRef {
  readonly #members: readonly StreamRef[];

  constructor(members: readonly StreamRef[]) {
    this.#members = members;
  }

  append(value: unknown, options?: AppendOptions): Promise<ReadonlyMap<string, Appended | Error>> {
    // What every member would refuse is thrown here, seen even by a handler that does not wait.
    return gather(this.#members.map((to) => [to.name, to.append(value, options)]));
  }
}

async function gather(
  appends: readonly (readonly [string, Promise<Appended>])[],
): Promise<ReadonlyMap<string, Appended | Error>> {
  const outcomes = await Promise.allSettled(appends.map(([, appended]) => appended));
  const byName = new Map<string, Appended | Error>();
  for (const [index, [name]] of appends.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) continue;
    byName.set(name, outcome.status === "fulfilled" ? outcome.value : outcome.reason);
  }
  return byName;
}
