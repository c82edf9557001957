import type { ShellPort } from "../../agent/define/index.ts";
import type { ShellCallArguments, ShellCallName, ShellCallResult } from "./shell-calls.ts";

type PortCalls = {
  readonly [C in ShellCallName]: (
    port: ShellPort,
    args: ShellCallArguments<C>,
    signal: () => AbortSignal,
  ) => Promise<ShellCallResult<C>>;
};

/** Each call of a shell as a call of its port. */
const PORT_CALLS: PortCalls = {
  append: (port, args, signal) =>
    port.append(args.until === "consumed" ? { ...args, signal: signal() } : args),
  createStream: (port, { name, ...placement }) => port.createStream(name, placement),
  move: (port, { stream, to, deadlineMs }) => port.move(stream, to, deadlineMs),
  attachAgent: (port, { stream, ...request }) => port.attachAgent(stream, request),
  detachAgent: (port, { stream, agent }) => done(port.detachAgent(stream, agent)),
  replaceHandler: (port, { stream, agent, event, source }) =>
    done(port.replaceHandler(stream, agent, event, source)),
  destroyStream: (port, { stream }) => done(port.destroyStream(stream)),
  stream: (port, { name }) => port.stream(name),
  streams: async (port) => [...(await port.streams())],
  sleep: (port, { ms }) => done(port.sleep(ms)),
  sites: async (port) => [...(await port.sites())],
  inspect: (port, { stream }) => port.inspect(stream),
  why: (port, { message }) => port.why(message),
  deadLetter: (port, { stream, message, action, edited }) =>
    done(port.deadLetter(stream, message, action, edited)),
  evacuate: async (port, { site }) => {
    const { moved, failed } = await port.evacuate(site);
    return { moved, failed: [...failed] };
  },
  policies: async (port) =>
    Object.fromEntries(
      Object.entries(await port.policies()).map(([scope, rules]) => [scope, [...rules]]),
    ),
  setPolicy: (port, { scope, rules }) => done(port.setPolicy(scope, rules)),
};

/**
 * Makes a call that came as a message.
 *
 * @param args as the call's schema read them
 * @param signal asked for by calls that may wait long; aborted when nobody waits any more
 */
export async function callPort(
  port: ShellPort,
  call: ShellCallName,
  args: unknown,
  signal: () => AbortSignal,
): Promise<unknown> {
  const make = PORT_CALLS[call] as (
    port: ShellPort,
    args: unknown,
    signal: () => AbortSignal,
  ) => Promise<unknown>;
  return await make(port, args, signal);
}

async function done(promise: Promise<void>): Promise<null> {
  await promise;
  return null;
}
