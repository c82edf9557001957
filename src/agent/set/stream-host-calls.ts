import { z } from "zod";
import { MeanderError } from "../../base/index.ts";
import type { EndpointId } from "../../stream/index.ts";
import { packValue, unpackValue } from "../../wire/index.ts";
import { HANDLER_NAMES } from "../model.ts";
import type { SessionPort } from "../session-port.ts";

type Verb = (port: SessionPort, args: unknown, caller: Caller) => Promise<unknown>;

/** Who asks. */
export interface Caller {
  /** The streams that wait for the caller's handler, its own included; passed on with synchronous appends. */
  readonly chain: readonly EndpointId[];
  /** Whose agent it is: what it uploads is that owner's, too. */
  readonly owner: string;
}

const bytes = z.instanceof(Uint8Array);
const name = z.string().min(1);

const appendRequest = z.object({
  stream: name,
  payload: bytes,
  // The other form goes with the effects of its handler.
  until: z.literal("consumed"),
  timeoutMs: z.number().positive(),
  before: z.array(bytes).exactOptional(),
});
const placementRequest = z.object({
  at: z.union([name, z.undefined()]),
  durability: z.discriminatedUnion("type", [
    z.object({ type: z.literal("none") }),
    z.object({ type: z.literal("checkpoint"), every: z.int().min(1) }),
    z.object({ type: z.literal("message") }),
  ]),
  failureManagers: z.array(name),
});
const attachRequest = z.object({
  source: z.string(),
  file: z.union([z.string(), z.undefined()]),
  name: z.union([z.string(), z.undefined()]),
  briefcase: z.union([bytes, z.undefined()]),
});

/** The methods of a {@link SessionPort} that an agent may call, by name. */
const VERBS: ReadonlyMap<string, Verb> = new Map([
  verb("append", z.tuple([appendRequest]), (port, [request], { chain }) =>
    port.append({ ...request, chain }),
  ),
  verb("createStream", z.tuple([name, placementRequest]), (port, [stream, options]) =>
    port.createStream(stream, options),
  ),
  verb(
    "move",
    z.tuple([name, name, z.union([z.number().positive(), z.undefined()])]),
    (port, [stream, to, deadlineMs]) => port.move(stream, to, deadlineMs),
  ),
  verb("attachAgent", z.tuple([name, attachRequest]), (port, [stream, request], { owner }) =>
    port.attachAgent(stream, { ...request, owner }),
  ),
  verb("detachAgent", z.tuple([name, name]), (port, [stream, agent]) =>
    port.detachAgent(stream, agent),
  ),
  verb(
    "replaceHandler",
    z.tuple([name, name, z.enum(HANDLER_NAMES), z.string().nullable()]),
    (port, [stream, agent, event, source], { owner }) =>
      port.replaceHandler(stream, agent, event, source, { owner }),
  ),
  verb("destroyStream", z.tuple([name]), (port, [stream]) => port.destroyStream(stream)),
  verb("stream", z.tuple([name]), (port, [stream]) => port.stream(stream)),
]);

/**
 * Carries out a request of an agent to its session: `verbName` is a method of {@link SessionPort}, `argument` the
 * packed array of its arguments. The answer is packed.
 *
 * @throws {MeanderError} `verb-unknown`, `request-invalid`, `value-malformed`, and those of the method
 */
export async function callSession(
  port: SessionPort,
  verbName: string,
  argument: Uint8Array,
  caller: Caller,
): Promise<Uint8Array> {
  const run = VERBS.get(verbName);
  if (run === undefined) {
    throw new MeanderError("verb-unknown", `there is no verb ${JSON.stringify(verbName)}`, {
      expected: [...VERBS.keys()].join(", "),
    });
  }
  return packValue(await run(port, unpackValue(argument), caller));
}

function verb<Args extends z.ZodType>(
  verbName: string,
  schema: Args,
  run: (port: SessionPort, args: z.output<Args>, caller: Caller) => Promise<unknown>,
): [string, Verb] {
  return [
    verbName,
    async (port, args, caller) => {
      const parsed = schema.safeParse(args);
      if (parsed.success) return await run(port, parsed.data, caller);
      const [issue] = parsed.error.issues;
      throw new MeanderError("request-invalid", issue?.message ?? "not its arguments", {
        where: `${verbName}, argument ${issue?.path.join(".") ?? ""}`,
      });
    },
  ];
}
