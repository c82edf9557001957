import type { z } from "zod";
import type { Caller, Json } from "../directory/index.ts";
import type { Asker } from "./asker.ts";
import { notAllowed } from "./caller-checks.ts";
import type { ControlContext } from "./control-context.ts";
import type { ControlQueue } from "./control-queue.ts";
import { Evacuation } from "./evacuation.ts";
import { parsePayload } from "./leader-requests.ts";
import type { PendingFinalizers } from "./pending-finalizers.ts";
import { PolicyTrials } from "./policy-trial.ts";
import { judgeAction } from "./site-judgement.ts";
import { StreamAgents } from "./stream-agents.ts";
import { setKeeper } from "./stream-keeper.ts";
import { StreamLifecycle } from "./stream-lifecycle.ts";
import { StreamMoves } from "./stream-moves.ts";
import { permitAction } from "./stream-permits.ts";
import { policyHistory, rollbackPolicy, setPolicy } from "./stream-policies.ts";
import type { AskerClaim, ControlRequests } from "./stream-records.ts";
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
  "policy-history",
  "rollback-policy",
  "try-policy",
  "permit-action",
  "judge-action",
];

/** Reads control requests, and has each done when those about the same stream that came before it are done. */
export class ControlDispatcher {
  readonly #context: ControlContext;
  readonly #queue: ControlQueue;
  readonly #lifecycle: StreamLifecycle;
  readonly #agents: StreamAgents;
  readonly #moves: StreamMoves;
  readonly #trials = new PolicyTrials();

  constructor(context: ControlContext, queue: ControlQueue, finalizers: PendingFinalizers) {
    this.#context = context;
    this.#queue = queue;
    this.#lifecycle = new StreamLifecycle(context, finalizers);
    this.#agents = new StreamAgents(context, finalizers);
    this.#moves = new StreamMoves(context);
  }

  /**
   * @param caller who is at the other end: the payload says who asks, which is checked against it
   * @throws {MeanderError} `request-invalid`, `control-busy`, `principal-refused`, `token-…`, and what the methods of
   *   {@link StreamLifecycle}, {@link StreamAgents} and {@link StreamMoves} throw
   */
  async handle(subject: keyof ControlRequests, payload: Json, caller: Caller): Promise<Json> {
    const read = <T>(schema: z.ZodType<T>): T => parsePayload(schema, subject, payload);
    /** Who asks is established at once, whatever the request then waits for. */
    const asked = <T extends AskerClaim>(schema: z.ZodType<T>): Asked<T> => {
      const { by, label, token, ...request } = read(schema);
      const asker = this.#context.askers.establish({ by, label, token }, caller);
      // It is awaited in the request's turn, which may not come.
      asker.catch(() => {});
      return { request, asker };
    };
    const queue = this.#queue;
    switch (subject) {
      case "create-stream": {
        const { request, asker } = asked(requests.createStreamSchema);
        const run = async () => this.#lifecycle.create({ ...request, by: await asker });
        return jsonOf(await queue.run(request.name, run));
      }
      case "destroy-stream": {
        const { request, asker } = asked(requests.destroyStreamSchema);
        const run = async () => this.#lifecycle.destroy({ ...request, by: await asker });
        return await queue.run(request.stream, run);
      }
      case "attach-agent": {
        const { request, asker } = asked(requests.attachAgentSchema);
        const run = async () => this.#agents.attach({ ...request, by: await asker });
        return jsonOf(await queue.run(request.stream, run));
      }
      case "detach-agent": {
        const { request, asker } = asked(requests.detachAgentSchema);
        const run = async () => this.#agents.detach({ ...request, by: await asker });
        return jsonOf(await queue.run(request.stream, run));
      }
      case "replace-handler": {
        const { request, asker } = asked(requests.replaceHandlerSchema);
        const run = async () => this.#agents.replaceHandler({ ...request, by: await asker });
        return jsonOf(await queue.run(request.stream, run));
      }
      case "move-stream": {
        const { request, asker } = asked(requests.moveStreamSchema);
        const run = async () => this.#moves.move({ ...request, by: await asker });
        return jsonOf(await queue.run(request.stream, run));
      }
      case "settle-move": {
        const { id, move } = read(requests.settleMoveSchema);
        const name = await this.#context.store.nameOf(id);
        return jsonOf(await queue.run(name, () => this.#moves.settle(name, move)));
      }
      case "set-keeper": {
        const request = read(requests.setKeeperSchema);
        const name = await this.#context.store.nameOf(request.id);
        const site = this.#context.askers.siteOf(caller);
        return jsonOf(await queue.run(name, () => setKeeper(this.#context, name, request, site)));
      }
      case "evacuate-site": {
        const { request, asker } = asked(requests.evacuateSiteSchema);
        const move = (each: requests.MoveStream) =>
          queue.run(each.stream, () => this.#moves.move(each));
        const about = { ...request, by: await asker };
        return jsonOf(await new Evacuation(this.#context, about, move).run());
      }
      case "set-policy": {
        const { request, asker } = asked(requests.setPolicySchema);
        return await setPolicy(this.#context, { ...request, by: await asker });
      }
      case "policy-history": {
        const { request, asker } = asked(requests.policyHistorySchema);
        return jsonOf(await policyHistory(this.#context, { ...request, by: await asker }));
      }
      case "rollback-policy": {
        const { request, asker } = asked(requests.rollbackPolicySchema);
        return jsonOf(await rollbackPolicy(this.#context, { ...request, by: await asker }));
      }
      case "try-policy": {
        const { request, asker } = asked(requests.tryPolicySchema);
        return jsonOf(await this.#trials.run(this.#context, { ...request, by: await asker }));
      }
      case "permit-action": {
        const { request, asker } = asked(requests.permitActionSchema);
        const site = this.#context.askers.siteOf(caller);
        return jsonOf(await permitAction(this.#context, { ...request, by: await asker }, site));
      }
      case "judge-action":
        return await this.#judge(read(requests.judgeActionSchema), caller);
    }
  }

  /** Of what concerns the site alone, it is believed about who asks; a token may have expired meanwhile. */
  async #judge({ token, ...request }: Judged, caller: Caller): Promise<Json> {
    const { askers } = this.#context;
    const isChecked = request.action === "client-attach" || request.action === "inspect";
    const by = isChecked ? await askers.establish({ ...request, token }, caller) : undefined;
    const site = askers.siteOf(caller);
    if (site === undefined) throw notAllowed("judge-action", "this connection speaks for no site");
    return (await judgeAction(this.#context, request, site, by)) as Json;
  }
}

/** What `judge-action` asks. */
type Judged = z.infer<typeof requests.judgeActionSchema>;

/** A request, and who makes it. */
interface Asked<T extends AskerClaim> {
  readonly request: Omit<T, keyof AskerClaim>;
  readonly asker: Promise<Asker>;
}

/** An answer, whose parts are all JSON, as JSON. */
function jsonOf(answer: object): Json {
  return answer as unknown as Json;
}
