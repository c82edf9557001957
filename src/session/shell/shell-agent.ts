import type { AgentRef, Handler, HandlerName, ShellPort } from "../../agent/define/index.ts";
import { handlerSource } from "../../agent/define/index.ts";
import type { Author } from "../../trust/index.ts";
import { vouch } from "./vouch.ts";

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

  async replaceHandler(
    event: HandlerName,
    handler: Handler | string | null,
    { author }: { readonly author?: Author } = {},
  ): Promise<void> {
    const { stream, name } = this;
    const source = handler === null ? null : handlerSource(handler).source;
    const claim = { kind: "handler", source: source ?? "", scope: `streams/${stream}` } as const;
    const signed = source === null ? undefined : await vouch(this.#port, author, claim);
    await this.#port.replaceHandler(stream, name, event, source, { signed });
  }

  detach(): Promise<void> {
    return this.#port.detachAgent(this.stream, this.name);
  }
}
