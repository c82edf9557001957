import { join } from "node:path";
import { SiteAudit } from "./audit/site-audit.ts";
import { parseAllowedOrigin } from "./http/allowed-origins.ts";
import type { GateRules } from "./http/gate.ts";
import { LiveStreams } from "./live-streams.ts";
import { LocalPlane } from "./plane/local-plane.ts";
import type { Plane } from "./plane/plane.ts";
import { openWorkerPlane } from "./plane/worker-plane.ts";
import { isLocal, type SiteOptions } from "./site-options.ts";
import type { CompletePorts } from "./site-ports.ts";
import { CertificateManager } from "./tls/certificate-manager.ts";

/** What of a site holds sockets, threads and files. */
export interface SiteSockets {
  readonly plane: Plane;
  readonly streams: LiveStreams;
  readonly audit: SiteAudit;
  /** Undefined: plain HTTP. */
  readonly tls: CertificateManager | undefined;
}

/**
 * Opens the ports of a site; when one of them fails, the others are closed again.
 *
 * @throws {MeanderError} `port-in-use`, `listen-failed`, `tls-…`
 */
export async function openSockets(
  options: SiteOptions,
  ports: CompletePorts,
): Promise<SiteSockets> {
  const { clock, random, log, logGate } = ports;
  const { host, httpPort, udpPort, streamPort, streamTransport, native } = options;
  const { allowInline, maxStreams, privateLinks, tls: source, connectionsPerAddress } = options;
  const tls = source && (await CertificateManager.open({ source, clock, log }));
  const audit = await SiteAudit.open({ data: options.data, site: options.name, clock, log });
  const opening = LiveStreams.open({
    ...{ host, port: streamPort, transport: streamTransport },
    ...{ allowInline, maxStreams, privateLinks, clock, random, log, audit },
    maxima: {
      processes: options.agentProcesses,
      memoryMb: options.agentMemoryMb,
      totalMemoryMb: options.agentsMemoryMb,
      handlerMs: options.agentHandlerMs,
    },
    records: join(options.data, "records"),
  });
  const streams = await opening.catch(async (error: unknown) => {
    await audit.close();
    throw error;
  });
  try {
    const shown = tls && { cert: tls.current.cert, key: tls.current.key };
    const gate = { ...gateOf(options), origins: [] };
    const settings = {
      ...{ host, httpPort, udpPort, gate, tls: shown, native, privateLinks, connectionsPerAddress },
      ...{ open: options.open.length > 0, logLevel: logGate.level },
    };
    const plane = await (ports.plane === "local"
      ? LocalPlane.open(settings, { clock, log })
      : openWorkerPlane(settings, { log, thread: ports.planeThread }));
    return { plane, streams, audit, tls };
  } catch (error) {
    await closeSockets({ streams, audit, tls });
    throw error;
  }
}

/** Closes everything but the plane, which is closed separately. */
export async function closeSockets({
  streams,
  audit,
  tls,
}: Pick<SiteSockets, "streams" | "audit" | "tls">): Promise<void> {
  tls?.close();
  await streams.stop();
  await streams.close();
  await audit.close();
}

/** Hosts and origins that a site admits besides the pages of its session. */
export function gateOf(options: SiteOptions): Omit<GateRules, "origins"> {
  const allowed = options.allowOrigin.map((text) => parseAllowedOrigin(text));
  return { hosts: hostsOf(options), allowed, local: isLocal(options) };
}

/** Names that a site answers to, besides the loopback ones. */
export function hostsOf(options: SiteOptions): string[] {
  return [options.advertise.toLowerCase(), ...options.open];
}
