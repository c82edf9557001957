import { z } from "zod";
import { LIMITS, MeanderError } from "../base/index.ts";
import type { LogLevel } from "../client/contract/index.ts";
import {
  type AccessMode,
  channelPatternsSchema,
  defaultRouteConfig,
  isRouteKey,
  parseJson,
  parseRouteConfig,
  type RouteConfig,
  siteNameSchema,
} from "../session/index.ts";
import type { TlsTrust } from "../transport/index.ts";
import { parseAllowedOrigin } from "./http/allowed-origins.ts";
import { isLoopbackName } from "./http/gate.ts";
import { type PortRange, parsePortRange } from "./input-rights.ts";
import type { TlsSource } from "./tls/certificate-manager.ts";
import { completeTls, TLS_SETTINGS, type TlsSettings } from "./tls/tls-settings.ts";

/** What a site needs to know to start; everything else is in the directory. */
export interface SiteOptions {
  readonly name: string;
  /** HTTP address of a site of the session to join. Undefined: this site leads a session of its own. */
  readonly join: string | undefined;
  /** File with the policy of the site itself, rules or code. Undefined: the one that the session has, if any. */
  readonly policy: string | undefined;
  /** Address to listen on. */
  readonly host: string;
  /** 0: any free port. */
  readonly httpPort: number;
  /** Undefined: the number of the HTTP port. */
  readonly udpPort: number | undefined;
  /** How the other sites reach this one. */
  readonly advertise: string;
  /** Names, besides the loopback ones, that the site answers to. */
  readonly open: readonly string[];
  /**
   * Origins of other pages that may use this site: `https://a.example`, `link=https://*.example.org`.
   * docs/spec/access.md [A18]
   */
  readonly allowOrigin: readonly string[];
  /** Whether tokens are required. Undefined: the stricter of what the session says and what the address requires. */
  readonly access: AccessMode | undefined;
  /** Patterns of channels that may be watched without a token; for the leader. */
  readonly public: readonly string[];
  /** Connections to the HTTP port from one address; this machine has 16 times as many. */
  readonly connectionsPerAddress: number;
  /** UDP ports on which publishers are received, both included; undefined: from 5004 up. */
  readonly rtpPorts: PortRange | undefined;
  /** Undefined: plain HTTP. */
  readonly tls: TlsSource | undefined;
  /** How the site to join is trusted, when it speaks TLS. */
  readonly trust: TlsTrust;
  /** Folder of the records that it keeps of streams, and of the leader's directory. */
  readonly data: string;
  /** Folder of configured recordings; they cannot leave it. */
  readonly recordings: string;
  /** How sites carry the messages of streams to each other: the same at all sites of a session. */
  readonly streamTransport: "tcp" | "udp";
  /** Port on which those messages arrive; 0: any free port. */
  readonly streamPort: number;
  /** Whether agents that ask for it run in the site's own thread, without limits: for code of the site's owner. */
  readonly allowInline: boolean;
  /** False: no native calls, even where they are possible. docs/spec/datagrams.md [G26] */
  readonly native: boolean;
  /** False: links and frames to and from other machines may be plain. docs/spec/stack.md [S11] */
  readonly privateLinks: boolean;
  /** Whether its streams run nothing until a person says so. */
  readonly halted: boolean;
  /** Streams that it accepts. */
  readonly maxStreams: number;
  /** What its agents may use at most, whatever they ask for: processes at once, */
  readonly agentProcesses: number;
  /** memory of one of them, MiB, */
  readonly agentMemoryMb: number;
  /** memory promised to all of them together, MiB, */
  readonly agentsMemoryMb: number;
  /** and time for one handler, ms. */
  readonly agentHandlerMs: number;
  /** Whether a site that stops has its streams moved to others first. */
  readonly evacuate: boolean;
  /** Time of its lease, ms: after a silence that long its streams are taken over. Undefined: the default. */
  readonly leaseMs: number | undefined;
  /** A site that ends, in order or because of an error, has those it serves go on elsewhere for at most this long, ms. */
  readonly leaveMs: number;
  /** Time for an orderly stop after a signal, ms; then the process is ended. */
  readonly stopMs: number;
  /** Least level that is logged. */
  readonly log: LogLevel;
  /** Routes to set at the start. Undefined: those that the directory has. */
  readonly routes: RouteConfig | undefined;
}

/** Longer than an orderly stop when nothing answers: 3 s for streams and viewers to leave, 2 s for the directory. */
export const STOP_MS_DEFAULT = 10_000;

/** {@link SiteOptions} before the defaults. */
export type SiteSettings = {
  readonly [Key in keyof Omit<SiteOptions, "tls" | "trust" | "rtpPorts">]?:
    | SiteOptions[Key]
    | undefined;
} & TlsSettings & {
    /** UDP ports on which publishers are received: `30000-40000`. */
    readonly rtpPorts?: string | undefined;
  };

const port = z.number("expected a whole number from 0 to 65535").int().min(0).max(65_535);
const hostName = z
  .string()
  .regex(/^[A-Za-z0-9.:-]{1,253}$/, "expected a host name or an IP address");

const SETTINGS = {
  name: siteNameSchema,
  join: z.url({ protocol: /^https?$/, error: "expected an address such as http://127.0.0.1:7000" }),
  policy: z.string().min(1).max(1000),
  host: hostName,
  httpPort: port,
  udpPort: port,
  advertise: hostName,
  open: z.array(hostName).max(16),
  allowOrigin: z.array(z.string().min(1).max(300)).max(LIMITS.allowedOriginsMax),
  access: z.enum(["open", "tokens"]),
  public: channelPatternsSchema,
  connectionsPerAddress: z.number("expected a whole number").int().min(1).max(1_000_000),
  rtpPorts: z.string().regex(/^\d{1,5}-\d{1,5}$/, "expected ports such as 30000-40000"),
  ...TLS_SETTINGS,
  data: z.string().min(1).max(1000),
  recordings: z.string().min(1).max(1000),
  streamTransport: z.enum(["tcp", "udp"]),
  streamPort: port,
  allowInline: z.boolean(),
  native: z.boolean(),
  privateLinks: z.boolean(),
  halted: z.boolean(),
  maxStreams: z.number().int().min(0).max(LIMITS.residentStreamsMax),
  agentProcesses: z.number().int().min(1).max(4_096),
  agentMemoryMb: z.number().int().min(1).max(LIMITS.agentMemoryMbMax),
  agentsMemoryMb: z.number().int().min(1).max(1_048_576),
  agentHandlerMs: z.number().int().min(1).max(LIMITS.handlerMsMax),
  evacuate: z.boolean(),
  leaseMs: z.number().int().min(1_000).max(LIMITS.directoryLeaseMsMax),
  leaveMs: z.number().int().min(100).max(600_000),
  stopMs: z.number().int().min(100).max(600_000),
  log: z.enum(["debug", "info", "warn", "error", "silent"]),
} as const;
const ROUTE_KEYS = Object.keys(defaultRouteConfig());

/**
 * Reads the text of a configuration file: the settings of {@link SiteOptions} and the keys of a {@link RouteConfig}
 * side
 * by side in one JSON object.
 *
 * @param file its name, for errors
 * @param warn told, in one sentence, of each key that is read by its former name
 * @throws {MeanderError} `config-invalid`
 */
export function parseConfigFile(
  text: string,
  file: string,
  warn: (text: string) => void = () => {},
): SiteSettings {
  const value = parseJson(text, file);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new MeanderError("config-invalid", "not a JSON object", {
      where: file,
      expected: '{ "name": "north", … }',
    });
  }
  const keys = Object.keys(value);
  const unknown = keys.find((key) => !Object.hasOwn(SETTINGS, key) && !isRouteKey(key));
  if (unknown !== undefined) {
    throw new MeanderError("config-invalid", "unknown key", {
      where: `${file}: ${unknown}`,
      expected: `one of ${[...Object.keys(SETTINGS), ...ROUTE_KEYS].join(", ")}`,
      next: "correct or remove it",
    });
  }
  const entries = Object.entries(value);
  const routes = entries.filter(([key]) => isRouteKey(key));
  return {
    ...checkSettings(
      Object.fromEntries(entries.filter(([key]) => Object.hasOwn(SETTINGS, key))),
      (key) => `${file}: ${key}`,
    ),
    ...(routes.length === 0
      ? {}
      : { routes: parseRouteConfig(Object.fromEntries(routes), file, warn) }),
  };
}

/**
 * Checks single settings, as they come from a file or from arguments.
 *
 * @param whereOf names the place of a setting in errors
 * @throws {MeanderError} `config-invalid`
 */
export function checkSettings(
  settings: Readonly<Record<string, unknown>>,
  whereOf: (key: string) => string,
): SiteSettings {
  for (const [key, schema] of Object.entries(SETTINGS)) {
    if (settings[key] === undefined) continue;
    const parsed = (schema as z.ZodType).safeParse(settings[key]);
    if (!parsed.success) throw invalid(parsed.error, whereOf(key), settings[key]);
  }
  const origins = settings["allowOrigin"] as readonly string[] | undefined;
  for (const text of origins ?? []) parseAllowedOrigin(text, whereOf("allowOrigin"));
  const ports = settings["rtpPorts"] as string | undefined;
  if (ports !== undefined) parsePortRange(ports, whereOf("rtpPorts"));
  return settings as SiteSettings;
}

/**
 * Fills in the defaults.
 *
 * @throws {MeanderError} `config-invalid` without a name, `open-required` for an address others can reach without
 *   `open`
 */
export function completeSettings(settings: SiteSettings): SiteOptions {
  const { name, open = [] } = settings;
  if (name === undefined) {
    throw new MeanderError("config-invalid", "the site has no name", {
      where: "argument --name",
      expected: "1 to 40 of a-z, 0-9 and -, starting with a letter",
      next: "add --name NAME",
    });
  }
  const host = settings.host ?? (open.length === 0 ? "127.0.0.1" : "0.0.0.0");
  if (!isLoopbackName(host) && open.length === 0) {
    throw new MeanderError("open-required", "the address can be reached from other machines", {
      where: `argument --host ${host}`,
      expected: "a loopback address, or --open HOST beside it",
      next: "add --open HOST with the name under which others reach this machine",
    });
  }
  const wildcard = host === "0.0.0.0" || host === "::";
  const advertise = settings.advertise ?? (wildcard ? (open[0] ?? host) : host);
  const data = settings.data ?? `.meander/${name}`;
  return {
    name,
    join: settings.join,
    policy: settings.policy,
    host,
    httpPort: settings.httpPort ?? 7000,
    udpPort: settings.udpPort,
    advertise,
    open: open.map((each) => each.toLowerCase()),
    allowOrigin: settings.allowOrigin ?? [],
    access: settings.access,
    public: settings.public ?? [],
    connectionsPerAddress: settings.connectionsPerAddress ?? LIMITS.connectionsPerAddressDefault,
    rtpPorts: settings.rtpPorts === undefined ? undefined : parsePortRange(settings.rtpPorts),
    ...completeTls(settings, { names: [advertise, host, ...open], data }),
    data,
    recordings: settings.recordings ?? `${settings.data ?? `.meander/${name}`}/recordings`,
    streamTransport: settings.streamTransport ?? "tcp",
    streamPort: settings.streamPort ?? 0,
    allowInline: settings.allowInline ?? false,
    native: settings.native ?? true,
    privateLinks: settings.privateLinks ?? true,
    halted: settings.halted ?? false,
    maxStreams: settings.maxStreams ?? LIMITS.residentStreamsMax,
    agentProcesses: settings.agentProcesses ?? LIMITS.agentProcessesMax,
    agentMemoryMb: settings.agentMemoryMb ?? LIMITS.processMemoryMbMax,
    agentsMemoryMb: settings.agentsMemoryMb ?? LIMITS.processesMemoryMbMax,
    agentHandlerMs: settings.agentHandlerMs ?? LIMITS.processHandlerMsMax,
    evacuate: settings.evacuate ?? true,
    leaseMs: settings.leaseMs,
    leaveMs: settings.leaveMs ?? LIMITS.departureMs,
    stopMs: settings.stopMs ?? STOP_MS_DEFAULT,
    log: settings.log ?? "info",
    routes: settings.routes,
  };
}

/** Whether only this machine reaches a site. */
export function isLocal({ host, open }: Pick<SiteOptions, "host" | "open">): boolean {
  return isLoopbackName(host) && open.length === 0;
}

/** Every setting is a plain value, or a list of them. */
function invalid(error: z.ZodError, where: string, value: unknown): MeanderError {
  const { message = "invalid", path = [] } = error.issues[0] ?? {};
  const [index] = path;
  const wrong = typeof index === "number" && Array.isArray(value) ? value[index] : value;
  const expected = /^(?:Invalid input: )?expected (.*)$/s.exec(message)?.[1] ?? message;
  const text = JSON.stringify(wrong);
  return new MeanderError(
    "config-invalid",
    `got ${text.length > 60 ? `${text.slice(0, 57)}…` : text}`,
    {
      where: typeof index === "number" ? `${where}[${index}]` : where,
      expected,
    },
  );
}
