import type { ShellPort } from "../../agent/define/index.ts";
import { type Clock, type Counters, type Log, MeanderError, messageOf } from "../../base/index.ts";
import {
  type Admit,
  encodeError,
  type MessageSocket,
  type ShownToken,
} from "../../directory/index.ts";
import { ANONYMOUS_SHELL, type ShellIdentity } from "../asker.ts";
import { checkShellName } from "./check-shell-name.ts";
import { KeepAlive } from "./keep-alive.ts";
import {
  decodeShellMessage,
  SHELL_PROTOCOL,
  type ShellFault,
  type ShellMessage,
  type SiteMessage,
} from "./messages.ts";
import { ServedCalls } from "./served-calls.ts";
import { ServedEvents } from "./served-events.ts";

/** Makes the port of a shell that connects. @throws {MeanderError} why it is refused */
export type AttachShell = (request: {
  /** The requested name: 1 to 40 characters, not checked otherwise. */
  readonly name: string | undefined;
  /** What it has shown. */
  readonly identity: ShellIdentity;
}) => ShellPort | Promise<ShellPort>;

/** What a {@link ServedShell} uses. */
export interface ServedShellOptions {
  readonly attach: AttachShell;
  /** Admits the shell; undefined: every shell is admitted. */
  readonly admit?: Admit | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly counts: Counters;
}

interface Attached {
  readonly port: ShellPort;
  readonly calls: ServedCalls;
  readonly events: ServedEvents;
}

/** A shell is whom its token was issued for, and without one it is anonymous. */
function identityOf(token: string | undefined, rights: ShownToken | undefined): ShellIdentity {
  if (rights === undefined) return ANONYMOUS_SHELL;
  return { principal: { kind: "subject", name: rights.name }, token, rights };
}

/** What a shell may send only after the handshake. */
type AttachedMessage = Exclude<ShellMessage, { readonly type: "hello" | "ping" | "pong" }>;

type Hello = Extract<ShellMessage, { readonly type: "hello" }>;

/** The site's end of one shell's connection. */
export class ServedShell {
  readonly #options: ServedShellOptions;
  readonly #socket: MessageSocket;
  readonly #life: KeepAlive;
  #isGreeted = false;
  #isEnded = false;
  #attached: Attached | undefined;
  #detaching: Promise<void> | undefined;
  #left: () => void = () => {};

  /** @param socket owned from now on */
  constructor(socket: MessageSocket, options: ServedShellOptions) {
    this.#options = options;
    this.#socket = socket;
    this.#life = new KeepAlive(options.clock, {
      // Before the handshake nothing else may be sent.
      ping: () => this.#attached !== undefined && this.#send({ type: "ping" }),
      dead: () => {
        options.counts.add("silent");
        this.#socket.close();
      },
    });
    socket.onMessage((text) => this.#receive(text));
  }

  /** Closes the port, then the connection. @param error why; undefined: the shell requested it */
  async close(error?: MeanderError): Promise<void> {
    await this.#detach();
    const parts = error === undefined ? {} : { error: encodeError(error) };
    this.#send({ type: "closed", ...parts });
    this.#socket.close();
    await this.end();
  }

  /** Detaches the shell: its socket has closed. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#life.stop();
    this.#left();
    await this.#detach();
  }

  #receive(text: string): void {
    if (this.#isEnded) return;
    this.#life.heard();
    const message = decodeShellMessage(text);
    if (typeof message === "string") this.#invalid(message);
    else this.#handle(message);
  }

  #handle(message: ShellMessage): void {
    switch (message.type) {
      case "hello":
        void this.#greet(message);
        break;
      case "ping":
        this.#send({ type: "pong", now: this.#now() });
        break;
      case "pong":
        break;
      default:
        if (this.#attached === undefined) this.#invalid("hello");
        else this.#serve(message, this.#attached);
    }
  }

  #serve(message: AttachedMessage, { calls, events }: Attached): void {
    switch (message.type) {
      case "call":
        this.#check(calls.make(message.id, message.call, message.args));
        break;
      case "forget":
        calls.forget(message.id);
        break;
      case "more":
        this.#check(calls.more(message.id));
        break;
      case "subscribe":
        this.#check(events.subscribe(message.subscription, message.filter));
        break;
      case "unsubscribe":
        events.unsubscribe(message.subscription);
        break;
      case "events-taken":
        events.received(message.subscription);
        break;
      case "bye":
        void this.close();
        break;
    }
  }

  async #greet({ protocol, name, token }: Hello): Promise<void> {
    if (this.#isGreeted) return this.#invalid("hello");
    this.#isGreeted = true;
    if (protocol !== SHELL_PROTOCOL) {
      this.#options.counts.add("invalid-protocol");
      return this.#refuse(
        new MeanderError("shell-refused", `the site speaks version ${SHELL_PROTOCOL}`, {
          where: "protocol of shells",
        }),
      );
    }
    let port: ShellPort;
    let identity = ANONYMOUS_SHELL;
    try {
      if (this.#options.admit !== undefined) {
        const admission = await this.#options.admit(token);
        if (this.#isEnded) return;
        // [S12] From now on its token may be revoked or expire.
        this.#left = admission.hold((error) => void this.close(error));
        identity = identityOf(token, admission.token);
      }
      if (name !== undefined) checkShellName(name);
      port = await this.#options.attach({ name, identity });
    } catch (error) {
      this.#options.counts.add("refused");
      return this.#refuse(this.#refusalOf(error));
    }
    if (this.#isEnded || this.#detaching !== undefined) return await this.#closePort(port);
    const ports = { port, log: this.#options.log, send: (m: SiteMessage) => this.#send(m) };
    this.#attached = { port, calls: new ServedCalls(ports), events: new ServedEvents(ports) };
    void port.closed.then((error) => {
      if (!this.#isEnded && this.#detaching === undefined) {
        void this.close(error instanceof MeanderError ? error : undefined);
      }
    });
    this.#send({
      type: "hello",
      protocol: SHELL_PROTOCOL,
      name: port.name,
      site: port.site,
      now: port.now(),
    });
  }

  #refusalOf(error: unknown): MeanderError {
    if (error instanceof MeanderError) return error;
    this.#options.log.error("A shell could not be attached.", { error: messageOf(error) });
    return new MeanderError("internal", "the site failed to attach the shell", {
      next: "see the site's log",
    });
  }

  #refuse(error: MeanderError): void {
    this.#send({ type: "refused", error: encodeError(error) });
    this.#socket.close();
  }

  #detach(): Promise<void> {
    this.#detaching ??= this.#detachOnce();
    return this.#detaching;
  }

  async #detachOnce(): Promise<void> {
    const attached = this.#attached;
    if (attached === undefined) return;
    attached.events.end();
    attached.calls.end();
    await this.#closePort(attached.port);
  }

  async #closePort(port: ShellPort): Promise<void> {
    try {
      await port.close();
    } catch (error) {
      this.#options.log.error("A shell's port did not close.", { error: messageOf(error) });
    }
  }

  #check(fault: ShellFault | undefined): void {
    if (fault !== undefined) this.#invalid(fault);
  }

  #invalid(fault: ShellFault): void {
    this.#options.counts.add(`invalid-${fault}`);
    this.#options.log.warn("A shell sent an invalid message.", {
      fault,
      shell: this.#attached?.port.name,
    });
    this.#socket.close();
    void this.end();
  }

  #now(): number {
    return this.#attached?.port.now() ?? this.#options.clock.wall();
  }

  #send(message: SiteMessage): void {
    if (!this.#isEnded) this.#socket.send(JSON.stringify(message));
  }
}
