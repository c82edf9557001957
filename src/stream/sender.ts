import type { Frame } from "./frames.ts";
import type { Locations } from "./locations.ts";
import type { EndpointId } from "./model.ts";

/** Who appends to a stream. */
export interface Sender {
  readonly id: EndpointId;
  /** Of a stream its own; of a shell the one that it has chosen. */
  readonly name: string;
  /** The principal of a shell that has shown a token, as its site says. */
  readonly principal: string | undefined;
}

/** Who sent an append. What a stream is called the directory knows, whatever the frame says. */
export function senderOf(
  { source, sourceName, sourcePrincipal }: Extract<Frame, { type: "append" }>,
  locations: Pick<Locations, "stream">,
): Sender {
  const name = locations.stream(source)?.name ?? sourceName;
  return { id: source, name, principal: sourcePrincipal };
}
