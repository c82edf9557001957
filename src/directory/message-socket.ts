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
