import { Endpoint } from "./endpoint.ts";

/** A shell as sender: stays at its home site. */
export class ShellEndpoint extends Endpoint {
  readonly streamEpoch = 0;
  readonly maySend = true;
}
