import { MeanderError } from "../base/index.ts";
import type { RouteConfig } from "../session/index.ts";
import { completeStack } from "../stack/index.ts";

/**
 * Refuses routes with a connection that cannot be made: when they are configured, not when they are used.
 *
 * @throws {MeanderError} `config-invalid`
 */
export function checkConnections(routes: RouteConfig): void {
  const ofChannels = Object.entries(routes.channels).map(
    ([name, { input }]) => [`channels.${name}.input.connection`, input?.connection] as const,
  );
  for (const [where, text] of [["connection", routes.connection] as const, ...ofChannels]) {
    if (text === undefined) continue;
    try {
      completeStack(text);
    } catch (error) {
      if (!(error instanceof MeanderError)) throw error;
      throw new MeanderError("config-invalid", error.what, {
        where: `${where}: ${JSON.stringify(text)}${error.where === undefined ? "" : `, ${error.where}`}`,
        expected: error.expected ?? "udp, multicast, tcp, websocket or a stack",
        cause: error,
      });
    }
  }
}
