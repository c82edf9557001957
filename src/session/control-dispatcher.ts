import type { Json } from "../directory/index.ts";
import type { ControlContext } from "./control-context.ts";
import type { ControlQueue } from "./control-queue.ts";
import { Evacuation } from "./evacuation.ts";
import { parsePayload } from "./leader-requests.ts";
import type { PendingFinalizers } from "./pending-finalizers.ts";
import { StreamAgents } from "./stream-agents.ts";
import { setKeeper } from "./stream-keeper.ts";
import { StreamLifecycle } from "./stream-lifecycle.ts";
import { StreamMoves } from "./stream-moves.ts";
import { setPolicy } from "./stream-policies.ts";
import type { ControlRequests } from "./stream-records.ts";
import * as requests from "./stream-requests.ts";

/** The requests that a {@link ControlDispatcher} answers. */
export const CONTROL_SUBJECTS: readonly (keyof ControlRequests)[] = [
  "create-stream",
  "move-stream",
  "attach-agent",
  "detach-agent",
  "replace-handler",
  "destroy-stream",
  "settle-move",
  "set-keeper",
  "evacuate-site",
  "set-policy",
];

/** Reads control requests, and has each done when those about the same stream that came before it are done. */
export class ControlDispatcher {
  readonly #context: ControlContext;
  readonly #queue: ControlQueue;
  readonly #lifecycle: StreamLifecycle;
  readonly #agents: StreamAgents;
  readonly #moves: StreamMoves;

  constructor(context: ControlContext, queue: ControlQueue, finalizers: PendingFinalizers) {
    this.#context = context;
    this.#queue = queue;
    this.#lifecycle = new StreamLifecycle(context, finalizers);
    this.#agents = new StreamAgents(context, finalizers);
    this.#moves = new StreamMoves(context);
  }

  /**
   * @throws {MeanderError} `request-invalid`, `control-busy`, and what the methods of {@link StreamLifecycle}, {@link
   *   StreamAgents} and {@link StreamMoves} throw
   */
  async handle(subject: keyof ControlRequests, payload: Json): Promise<Json> {
    const read = <T>(schema: Parameters<typeof parsePayload<T>>[0]): T =>
      parsePayload(schema, subject, payload);
    const queue = this.#queue;
    switch (subject) {
      case "create-stream": {
        const request = read(requests.createStreamSchema);
        return jsonOf(await queue.run(request.name, () => this.#lifecycle.create(request)));
      }
      case "destroy-stream": {
        const request = read(requests.destroyStreamSchema);
        return await queue.run(request.stream, () => this.#lifecycle.destroy(request));
      }
      case "attach-agent": {
        const request = read(requests.attachAgentSchema);
        return jsonOf(await queue.run(request.stream, () => this.#agents.attach(request)));
      }
      case "detach-agent": {
        const request = read(requests.detachAgentSchema);
        return jsonOf(await queue.run(request.stream, () => this.#agents.detach(request)));
      }
      case "replace-handler": {
        const request = read(requests.replaceHandlerSchema);
        return jsonOf(await queue.run(request.stream, () => this.#agents.replaceHandler(request)));
      }
      case "move-stream":
        return jsonOf(await this.#move(read(requests.moveStreamSchema)));
      case "settle-move": {
        const { id, move } = read(requests.settleMoveSchema);
        const name = await this.#context.store.nameOf(id);
        return jsonOf(await queue.run(name, () => this.#moves.settle(name, move)));
      }
      case "set-keeper": {
        const request = read(requests.setKeeperSchema);
        const name = await this.#context.store.nameOf(request.id);
        return jsonOf(await queue.run(name, () => setKeeper(this.#context, name, request)));
      }
      case "evacuate-site": {
        const request = read(requests.evacuateSiteSchema);
        const evacuation = new Evacuation(this.#context, request, (move) => this.#move(move));
        return jsonOf(await evacuation.run());
      }
      case "set-policy":
        return await setPolicy(this.#context, read(requests.setPolicySchema));
    }
  }

  #move(request: requests.MoveStream): Promise<object> {
    return this.#queue.run(request.stream, () => this.#moves.move(request));
  }
}

/** An answer, whose parts are all JSON, as JSON. */
function jsonOf(answer: object): Json {
  return answer as unknown as Json;
}
