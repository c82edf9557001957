import { MeanderError, messageOf } from "../../base/index.ts";
import { formatAddress } from "../../transport/index.ts";

/** Why a port for frames could not be opened. */
export function listenError(
  { host, port }: { readonly host: string; readonly port: number },
  cause: unknown,
): MeanderError {
  const where = formatAddress(host, port);
  if (cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE") {
    const next = "choose another --stream-port, or stop the program that holds it";
    return new MeanderError("port-in-use", "the port is taken", { where, next, cause });
  }
  return new MeanderError("listen-failed", `cannot listen: ${messageOf(cause)}`, {
    where,
    expected: "an IP address of this machine, and a port from 1024 up",
    cause,
  });
}
