import { MeanderError } from "../base/index.ts";
import type { Shell } from "../session/shell/index.ts";

/** A shell that notes which streams a script uses. */
export interface ScriptShell {
  /** What the script is given. */
  readonly shell: Shell;
  /** Names that the script gave to the shell, of streams and, harmlessly, of other things. */
  readonly names: ReadonlySet<string>;
}

/**
 * Wraps a shell for a script: errors show where in the script the shell was called, though the answer came over a
 * socket.
 *
 * @param options replace: a stream that exists is destroyed when the script creates one of its name
 */
export function scriptShell(inner: Shell, options: { readonly replace: boolean }): ScriptShell {
  const names = new Set<string>();
  const shell = new Proxy(inner, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        for (const arg of [args[0]].flat()) if (typeof arg === "string") names.add(arg);
        const called = new Error("called here");
        const call = (): unknown => Reflect.apply(member, target, args);
        const result =
          key === "createStream" && options.replace ? replacing(inner, call, `${args[0]}`) : call();
        return result instanceof Promise ? result.catch((error) => rethrow(error, called)) : result;
      };
    },
  });
  return { shell, names };
}

async function replacing(shell: Shell, create: () => unknown, name: string): Promise<unknown> {
  try {
    return await create();
  } catch (error) {
    if (!(error instanceof MeanderError) || error.code !== "stream-exists") throw error;
    await shell.destroy(name);
    return await create();
  }
}

/** The frames of an answer are those of the socket; those of the call lead to the script. */
function rethrow(error: unknown, called: Error): never {
  if (error instanceof Error) {
    const frames = (called.stack ?? "").split("\n").slice(1);
    error.stack = [error.stack ?? error.message, ...frames].join("\n");
  }
  throw error;
}
