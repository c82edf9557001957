import type { Appended, AppendOptions, GroupRef } from "../model.ts";
import type { Attempt } from "./attempt.ts";
import { appendTo, packMessage } from "./handler-append.ts";

/** Several streams, in the hands of a handler. */
export class HandlerGroup implements GroupRef {
  readonly #attempt: Attempt;
  readonly #members: readonly string[];

  constructor(attempt: Attempt, members: readonly string[]) {
    this.#attempt = attempt;
    this.#members = members;
    Object.freeze(this);
  }

  append(value: unknown, options?: AppendOptions): Promise<ReadonlyMap<string, Appended | Error>> {
    // What every member would refuse is thrown here, seen even by a handler that does not wait. Read once for all.
    const message = packMessage(this.#attempt, value, options);
    return gather(this.#members.map((to) => [to, appendTo(this.#attempt, to, message)]));
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
