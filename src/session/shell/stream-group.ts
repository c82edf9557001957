import type { Appended, GroupRef } from "../../agent/define/index.ts";
import { packValue } from "../../wire/index.ts";
import type { ShellAppendOptions, ShellStream } from "./shell-stream.ts";

/** [S3] Several streams. */
export class StreamGroup implements GroupRef {
  readonly #members: readonly ShellStream[];

  constructor(members: readonly ShellStream[]) {
    this.#members = members;
  }

  /**
   * Appends to each member in order, without waiting for one before the next; what became of each stands under its
   * name.
   *
   * @throws {MeanderError} `value-uncloneable`
   */
  async append(
    value: unknown,
    options: ShellAppendOptions = {},
  ): Promise<ReadonlyMap<string, Appended | Error>> {
    const payload = packValue(value);
    const appended = this.#members.map((member) =>
      member.appendPacked(payload, options).then(
        (result): [string, Appended | Error] => [member.name, result],
        (error: unknown): [string, Appended | Error] => [member.name, errorOf(error)],
      ),
    );
    return new Map(await Promise.all(appended));
  }
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
