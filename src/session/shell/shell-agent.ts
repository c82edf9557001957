import type { AgentRef, Handler, HandlerName, ShellPort } from "../../agent/define/index.ts";
import { handlerSource } from "../../agent/define/index.ts";

/** An agent as a shell has it. */
export class ShellAgent implements AgentRef {
  readonly stream: string;
  readonly name: string;
  readonly #port: ShellPort;

  constructor(port: ShellPort, stream: string, name: string) {
    this.#port = port;
    this.stream = stream;
    this.name = name;
  }

  async replaceHandler(event: HandlerName, handler: Handler | string | null): Promise<void> {
    const source = handler === null ? null : handlerSource(handler).source;
    await this.#port.replaceHandler(this.stream, this.name, event, source);
  }

  detach(): Promise<void> {
    return this.#port.detachAgent(this.stream, this.name);
  }
}
