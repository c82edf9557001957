import type { StreamEvent } from "../../agent/define/index.ts";
import { SILENT, VirtualClock } from "../../base/index.ts";
import { memorySocketPair } from "../../directory/index.ts";
import { connectShell } from "./connect-shell.ts";
import { FakeShellPort } from "./shell.test.support.ts";
import { Shell } from "./shell.ts";
import { ShellServer } from "./shell-server.ts";

/** A shell and the fake port behind it. */
export interface Rig {
  readonly fake: FakeShellPort;
  readonly shell: Shell;
  readonly clock: VirtualClock;
}

/** The same shell with its port in this thread, and with a connection between them. */
export const ATTACHMENTS: Readonly<Record<string, () => Promise<Rig>>> = {
  direct: async () => {
    const clock = new VirtualClock();
    const fake = new FakeShellPort(clock);
    return { fake, shell: new Shell(fake), clock };
  },
  remote: async () => {
    const clock = new VirtualClock();
    const fake = new FakeShellPort(clock);
    const server = new ShellServer(() => fake, { clock, log: SILENT });
    const shell = await connectShell(
      "http://127.0.0.1:7000",
      async () => {
        const [near, far] = memorySocketPair();
        server.accept(far);
        return near;
      },
      { clock },
    );
    return { fake, shell, clock };
  },
};

/** All that is on its way in this thread arrives meanwhile. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The next events; fewer when they end. */
export async function take(
  events: AsyncIterator<StreamEvent>,
  count: number,
): Promise<StreamEvent[]> {
  const taken: StreamEvent[] = [];
  while (taken.length < count) {
    const { done, value } = await events.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}
