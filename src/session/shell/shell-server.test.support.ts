import assert from "node:assert/strict";
import type { ShellPort } from "../../agent/define/index.ts";
import { SILENT, VirtualClock } from "../../base/index.ts";
import { memorySocketPair } from "../../directory/index.ts";
import { encodeBase64, packValue } from "../../wire/index.ts";
import { connectShell } from "./connect-shell.ts";
import { FakeShellPort } from "./shell.test.support.ts";
import type { Shell } from "./shell.ts";
import { ShellServer } from "./shell-server.ts";

export const HELLO = { type: "hello", protocol: 1 };

/** Everything that is due in this thread happens meanwhile. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A shell that says what the test tells it to. */
export interface ScriptedShell {
  say(...messages: (object | string)[]): Promise<void>;
  hangUp(): Promise<void>;
  readonly heard: Record<string, unknown>[];
  readonly isClosed: () => boolean;
}

/** A server and its shells. */
export class Rig {
  readonly clock = new VirtualClock();
  readonly ports: FakeShellPort[] = [];
  readonly names: (string | undefined)[] = [];
  readonly server = new ShellServer((request) => this.attach(request), {
    clock: this.clock,
    log: SILENT,
  });
  attach = ({ name }: { name: string | undefined }): ShellPort | Promise<ShellPort> => {
    this.names.push(name);
    const port = new FakeShellPort(this.clock, name ?? `shell-${this.ports.length}`);
    this.ports.push(port);
    return port;
  };

  port(index = 0): FakeShellPort {
    const port = this.ports[index];
    assert.ok(port !== undefined);
    return port;
  }

  scripted(): ScriptedShell {
    const [near, far] = memorySocketPair();
    const heard: Record<string, unknown>[] = [];
    let closed = false;
    near.onMessage((text) => void heard.push(JSON.parse(text)));
    near.onClose(() => {
      closed = true;
    });
    this.server.accept(far);
    return {
      heard,
      isClosed: () => closed,
      say: async (...messages) => {
        for (const each of messages) {
          near.send(typeof each === "string" ? each : JSON.stringify(each));
        }
        await quiet();
      },
      hangUp: async () => {
        near.close();
        await quiet();
      },
    };
  }

  connect(name?: string): Promise<Shell> {
    const [near, far] = memorySocketPair();
    this.server.accept(far);
    const { clock } = this;
    return connectShell("http://127.0.0.1:7000", async () => near, { clock, name });
  }
}

export function call(id: number, name: string, args: object = {}): object {
  return { type: "call", id, call: name, args };
}

export function append(id: number, stream = "foo", until = "buffered"): object {
  const payload = encodeBase64(packValue(id));
  return call(id, "append", { stream, payload, until, timeoutMs: null });
}

export const CREATE = call(1, "createStream", {
  name: "foo",
  at: null,
  durability: { type: "none" },
  failureManagers: [],
});
