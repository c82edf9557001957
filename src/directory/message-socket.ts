import type { MeanderError } from "../base/index.ts";
import type { ShownToken } from "./caller.ts";

/** A two-way connection that carries texts whole and in order: what the directory's protocol runs over. */
export interface MessageSocket {
  /** Sends a text. Does nothing once closed. */
  send(text: string): void;
  /** Sets the handler of the peer's texts, once. Texts that arrived before are not lost. */
  onMessage(handler: (text: string) => void): void;
  /** Sets the handler of the end, once; called at once when it has already ended. */
  onClose(handler: () => void): void;
  /** Ends the connection for both. */
  close(): void;
  /**
   * The peer was admitted: from now on it has the bounds of those that are known. Absent where there are no others.
   */
  admitted?(): void;
}

/**
 * Admits the client at the other end of a message socket, by its hello.
 *
 * @param site [D24] the site that it wants to speak for
 * @throws {MeanderError} why not
 */
export type Admit = (
  token: string | undefined,
  site?: string | undefined,
) => Admission | Promise<Admission>;

/** A client was admitted. */
export interface Admission {
  /** What it has shown; undefined where no token is required. */
  readonly token: ShownToken | undefined;
  /**
   * To be called once.
   *
   * @param end called when the admission is revoked
   * @returns to be called when the client has left
   */
  hold(end: (error: MeanderError) => void): () => void;
}
