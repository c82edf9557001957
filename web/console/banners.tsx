import { type Network, stateOf } from "../../src/view/index.ts";

/** What is wrong with the session as a whole, in words; nothing while nothing is. */
export function Banners({
  network,
  servedBy,
}: {
  readonly network: Network;
  readonly servedBy: string | undefined;
}) {
  const texts = bannersOf(network, servedBy);
  return (
    <div role="status">
      {texts.map((text) => (
        <p key={text} class="banner">
          {text}
        </p>
      ))}
    </div>
  );
}

function bannersOf(network: Network, servedBy: string | undefined): readonly string[] {
  const { session, sessionFailure, sites } = network;
  if (session === undefined) {
    return sessionFailure === undefined
      ? []
      : [
          `The site that serves this page does not tell about its session: ${sessionFailure}. Asking again.`,
        ];
  }
  const texts: string[] = [];
  if (sessionFailure !== undefined) {
    texts.push(
      "No site of the session answers. What is shown is what was known last; asking again.",
    );
  } else if (servedBy !== undefined && stateOf(network, servedBy).state === "down") {
    texts.push(
      `${servedBy}, which served this page, does not answer. The page goes on with what ${session.self} tells; do not reload it.`,
    );
  }
  if (session.directory === "disconnected") {
    texts.push(
      `${session.self} is disconnected from the directory: media flows on, changes wait until it is back.`,
    );
  }
  if (session.leader === null && session.directory === "connected") {
    texts.push("The session has no leader: media flows on, nothing can join or be changed.");
  }
  if (sites.size === 0) texts.push("The session has no sites yet.");
  return texts;
}
