import { type Network, stateOf } from "../../src/view/index.ts";

/** Banners for what is wrong with the session as a whole. */
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
          `The site that served this page does not report its session: ${sessionFailure}. Retrying…`,
        ];
  }
  const texts: string[] = [];
  if (sessionFailure !== undefined) {
    texts.push("No site of the session answers. The last known state is shown. Retrying…");
  } else if (servedBy !== undefined && stateOf(network, servedBy).state === "down") {
    texts.push(
      `${servedBy}, which served this page, does not answer. The page continues with ${session.self}; do not reload it.`,
    );
  }
  if (session.directory === "disconnected") {
    texts.push(
      `${session.self} is disconnected from the directory. Media does not need it; changes wait until it is back.`,
    );
  }
  if (session.leader === null && session.directory === "connected") {
    texts.push(
      "The session has no leader. Media does not need one; until there is one, no site can join and nothing can be changed.",
    );
  }
  if (sites.size === 0) texts.push("The session has no sites yet.");
  return texts;
}
