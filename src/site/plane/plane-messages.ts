/** Messages between the main thread and the plane's thread. */
import { type LogFields, MeanderError, messageOf } from "../../base/index.ts";
import type { Address } from "../../session/index.ts";
import type { AuditFacts } from "../../trust/index.ts";
import type { HttpRequest, HttpResponse } from "../http/messages.ts";
import type { PlaneControl, PlaneEvent } from "../plane-control.ts";
import type { Plane, PlaneOptions, SocketKind } from "./plane.ts";

/** Calls over the port: every method of a {@link Plane} that returns a promise. */
export type PlaneMethod =
  | Exclude<keyof PlaneControl, "onEvent">
  | "setGate"
  | "setAccess"
  | "setTls"
  | "setViewerSites"
  | "setRooms";

/** An error as a message. A MeanderError keeps all its parts; any other is a bug, and arrives as `internal`. */
export interface ErrorParts {
  readonly code: string;
  readonly what: string;
  readonly where: string | undefined;
  readonly expected: string | undefined;
  readonly next: string | undefined;
  /** The stack trace there, for the log. */
  readonly stack: string | undefined;
}

/** Messages of the main thread. `id` is unique per direction and kind. */
export type ToPlane =
  | { readonly type: "open"; readonly options: PlaneOptions }
  | {
      readonly type: "call";
      readonly id: number;
      readonly method: PlaneMethod;
      readonly args: readonly unknown[];
    }
  | { readonly type: "response"; readonly id: number; readonly response: HttpResponse }
  | { readonly type: "socket-text"; readonly socket: number; readonly text: string }
  | { readonly type: "socket-close"; readonly socket: number }
  | { readonly type: "socket-admitted"; readonly socket: number };

/** Messages of the plane. */
export type FromPlane =
  | { readonly type: "opened"; readonly http: Address; readonly udp: Address }
  | { readonly type: "open-failed"; readonly error: ErrorParts }
  | { readonly type: "result"; readonly id: number; readonly value: unknown }
  | { readonly type: "error"; readonly id: number; readonly error: ErrorParts }
  | { readonly type: "event"; readonly event: PlaneEvent }
  | { readonly type: "audited"; readonly facts: AuditFacts }
  | { readonly type: "request"; readonly id: number; readonly request: HttpRequest }
  | {
      readonly type: "socket-opened";
      readonly socket: number;
      readonly kind: SocketKind;
      readonly address: string;
    }
  | { readonly type: "socket-text"; readonly socket: number; readonly text: string }
  | { readonly type: "socket-closed"; readonly socket: number }
  | {
      readonly type: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly message: string;
      readonly fields: LogFields;
    };

/** One end of a message port; worker threads and message channels both are. */
export interface PlanePort<Out, In> {
  postMessage(message: Out): void;
  on(event: "message", listener: (message: In) => void): unknown;
}

/** The method of `plane` that a call names, bound. */
export function methodOf(
  plane: Plane,
  method: PlaneMethod,
): (...args: unknown[]) => Promise<unknown> {
  return (plane[method] as (...args: unknown[]) => Promise<unknown>).bind(plane);
}

/** Converts an error to a message. */
export function partsOf(thrown: unknown): ErrorParts {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  if (!(thrown instanceof MeanderError)) {
    return {
      code: "internal",
      what: messageOf(thrown),
      where: undefined,
      expected: undefined,
      next: undefined,
      stack,
    };
  }
  const { code, what, where, expected, next } = thrown;
  return { code, what, where, expected, next, stack };
}

/** Converts a message to an error, with a stack trace from here. */
export function errorOf(parts: ErrorParts): MeanderError {
  const { code, what, where, expected, next, stack } = parts;
  return new MeanderError(code, what, {
    ...(where === undefined ? {} : { where }),
    ...(expected === undefined ? {} : { expected }),
    ...(next === undefined ? {} : { next }),
    ...(stack === undefined ? {} : { cause: stack }),
  });
}
