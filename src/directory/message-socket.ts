import type { MeanderError } from "../base/index.ts";

/** A two-way connection that carries texts whole and in order: what the directory's protocol runs over. */
export interface MessageSocket {
  /** Sends a text. Does nothing once closed. */
  send(text: string): void;
  /** Sets who hears the texts of the peer; set once, and none are lost before. */
  onMessage(handler: (text: string) => void): void;
  /** Sets who hears of the end, once; also when it has ended already. */
  onClose(handler: () => void): void;
  /** Ends the connection for both. */
  close(): void;
}

/**
 * Lets in whoever is at the other end of a message socket, by the token that its greeting showed.
 *
 * @throws {MeanderError} why not
 */
export type Admit = (token: string | undefined) => Admission | Promise<Admission>;

/** Somebody was let in. To be called once: `end` is called when that is over, and the returned function tells that the other end has left. */
export type Admission = (end: (error: MeanderError) => void) => () => void;
