import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { MeanderError } from "../base/index.ts";
import type { ReadSettings, Site, SiteSettings } from "../site/index.ts";
import { formatFingerprint } from "../transport/index.ts";
import { collect, durationOf, wholeNumber } from "./arguments.ts";
import { readTokenFile, TOKEN_VARIABLE, variable } from "./credentials.ts";
import type { ProgramPorts } from "./program-ports.ts";
import { addSiteLeave } from "./site-leave.ts";
import { openTerminal } from "./terminal.ts";

interface Arguments {
  readonly name?: string;
  readonly join?: string;
  readonly config?: string;
  readonly policy?: string;
  readonly host?: string;
  readonly httpPort?: string;
  readonly udpPort?: string;
  readonly advertise?: string;
  readonly open: readonly string[];
  readonly allowOrigin: readonly string[];
  readonly access?: string;
  readonly public: readonly string[];
  readonly connectionsPerAddress?: string;
  readonly rtpPorts?: string;
  readonly tls?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly ca?: string;
  readonly fingerprint?: string;
  readonly tokenFile?: string;
  readonly data?: string;
  readonly recordings?: string;
  readonly streamTransport?: string;
  readonly streamPort?: string;
  readonly allowInlineAgents?: boolean;
  readonly agentProcesses?: string;
  readonly agentMemory?: string;
  readonly agentsMemory?: string;
  readonly agentDeadline?: string;
  readonly halted?: boolean;
  readonly native: boolean;
  readonly privateLinks: boolean;
  readonly evacuate: boolean;
  readonly leaveWithin?: string;
  readonly stopTimeout?: string;
  readonly log?: string;
  readonly json?: boolean;
}

/** `meander site`, and `meander site leave` */
export function addSite(program: Command, { planeThread }: ProgramPorts): void {
  const site = program
    .command("site")
    .description("run a site: lead a session of its own, or join one")
    // Options after `leave` belong to it, also `--json`.
    .enablePositionalOptions()
    .option("--name <name>", "name of the site in its session")
    .option("--join <url>", "address of a site of the session to join; without it this site leads")
    .option("--config <file>", "JSON file with these options and the site's routes")
    .option(
      "--policy <file>",
      "the site's own policy: JSON with rules, or a .ts, .js or .mjs file with a judge handler (the one of before)",
    )
    .option("--host <address>", "address to listen on (127.0.0.1)")
    .option(
      "--http-port <port>",
      "port of the console, the API and the links over TCP; 0: any (7000)",
    )
    .option("--udp-port <port>", "port of the links over UDP (the number of the HTTP port)")
    .option("--advertise <host>", "how other sites reach this one (the address)")
    .option(
      "--open <host>",
      "admit other machines, which know this one by that name; may be repeated",
      collect,
      [],
    )
    .option(
      "--allow-origin <origin>",
      "let pages of that origin embed the player, such as https://a.example or 'https://*.example.org'; script=, link= or api= " +
        "before it allows that alone; may be repeated",
      collect,
      [],
    )
    .option(
      "--access <mode>",
      "open, or tokens: require one of every client (tokens, where other machines are admitted)",
    )
    .option(
      "--public <pattern>",
      "a channel that may be watched without a token, such as news or 'sports/*'; may be repeated",
      collect,
      [],
    )
    .option(
      "--connections-per-address <number>",
      "connections from one address, which a proxy or many viewers may share (1024)",
    )
    .option(
      "--rtp-ports <from-to>",
      "UDP ports on which publishers are received, such as 30000-40000 (5004-65535)",
    )
    .option("--tls <auto>", "speak HTTPS, with a certificate of its own making")
    .option("--tls-cert <file>", "speak HTTPS, with this certificate in PEM")
    .option("--tls-key <file>", "the certificate's private key in PEM")
    .option(
      "--token-file <file>",
      "for --join: file with a token that allows it (the variable MEANDER_TOKEN)",
    )
    .option("--ca <file>", "for --join to https: authorities to trust, in PEM (the usual ones)")
    .option("--fingerprint <sha256>", "for --join to https: the one certificate to trust")
    .option(
      "--data <folder>",
      "folder of stream records, and of a leader's directory (.meander/NAME)",
    )
    .option(
      "--recordings <folder>",
      "folder of configured recordings, which cannot leave it (DATA/recordings)",
    )
    .option(
      "--stream-transport <kind>",
      "transport for streams between sites, the same at all: tcp or udp (tcp)",
    )
    .option("--stream-port <port>", "port on which they do; 0: any (0)")
    .option(
      "--allow-inline-agents",
      "run agents that ask for it in the site's own thread, without limits",
    )
    .option("--agent-processes <count>", "processes for agents at once (64)")
    .option("--agent-memory <MiB>", "memory that one of them may be promised (1024)")
    .option("--agents-memory <MiB>", "memory that all of them together are promised (4096)")
    .option("--agent-deadline <time>", "longest time that a handler gets (1m)")
    .option(
      "--halted",
      "start with its streams halted: they run nothing until `meander stream resume`; media flows",
    )
    .option(
      "--no-private-links",
      "allow plain links from and to other machines: for private networks",
    )
    .option("--no-native", "send and receive by Node alone, without calls of its own to the kernel")
    .option("--no-evacuate", "do not move its streams to other sites when it stops")
    .option(
      "--leave-within <time>",
      "time for neighbours and viewers to go on elsewhere, when it stops or fails (3s)",
    )
    .option("--stop-timeout <time>", "time to stop in order after a signal (10s)")
    .option("--log <level>", "debug, info, warn, error or silent (info)")
    .option("--json", "print one JSON object when the site is up")
    .action(async (options: Arguments) => {
      const terminal = openTerminal(options.json === true);
      // Only this verb needs the whole site, which takes longer to load than most verbs take.
      const { runDaemon } = await import("../site/daemon/index.ts");
      const read: ReadSettings = async (warn) => {
        return { ...(await settingsFrom(options.config, warn)), ...(await settingsOf(options)) };
      };
      const warnings: string[] = [];
      const tell = (site: Site): void => {
        const { name, http, udp, tls, streams, leader, pid } = site.record;
        const { access, tokenFile } = site.local;
        const about = { url: site.url, access, tokenFile, tls };
        terminal.show({ name, ...about, http, udp, streams, leader, pid }, () =>
          [`${name} is up at ${site.url}`, ...accessLines(about)].join("\n"),
        );
      };
      const token =
        options.tokenFile === undefined
          ? variable(TOKEN_VARIABLE)
          : readTokenFile(options.tokenFile);
      process.exitCode = await runDaemon(await read((text) => warnings.push(text)), tell, {
        ...{ reload: read, warnings, token, planeThread },
      });
    });
  addSiteLeave(site);
}

/** What users need to connect. */
function accessLines({
  access,
  tokenFile,
  tls,
}: {
  readonly access: "open" | "tokens";
  readonly tokenFile: string | null;
  readonly tls: { readonly fingerprint: string } | undefined;
}): string[] {
  const lines =
    tls === undefined ? [] : [`  certificate: SHA-256 ${formatFingerprint(tls.fingerprint)}`];
  if (access === "open") return lines;
  const own = tokenFile === null ? "" : `; one that allows everything is in ${tokenFile}`;
  return [...lines, `  requires tokens${own}`];
}

async function settingsFrom(
  file: string | undefined,
  warn: (text: string) => void,
): Promise<SiteSettings> {
  if (file === undefined) return {};
  const { parseConfigFile } = await import("../site/daemon/index.ts");
  try {
    return parseConfigFile(await readFile(file, "utf8"), file, warn);
  } catch (cause) {
    if (cause instanceof MeanderError) throw cause;
    const where = `argument --config ${file}`;
    throw new MeanderError("config-invalid", "the file cannot be read", {
      where,
      expected: "a JSON file",
      cause,
    });
  }
}

async function settingsOf(options: Arguments): Promise<SiteSettings> {
  const { checkSettings } = await import("../site/daemon/index.ts");
  const { name, join, host, advertise, data, recordings, streamTransport, allowInlineAgents, log } =
    options;
  const { halted } = options;
  const settings = {
    name,
    join,
    policy: options.policy,
    host,
    httpPort: wholeNumber(options.httpPort, "--http-port", 0, 65_535),
    udpPort: wholeNumber(options.udpPort, "--udp-port", 0, 65_535),
    advertise,
    open: options.open.length === 0 ? undefined : options.open,
    allowOrigin: options.allowOrigin.length === 0 ? undefined : options.allowOrigin,
    access: options.access,
    public: options.public.length === 0 ? undefined : options.public,
    connectionsPerAddress: wholeNumber(
      options.connectionsPerAddress,
      "--connections-per-address",
      1,
      1_000_000,
    ),
    rtpPorts: options.rtpPorts,
    tls: options.tls,
    tlsCert: options.tlsCert,
    tlsKey: options.tlsKey,
    ca: options.ca,
    fingerprint: options.fingerprint,
    data,
    recordings,
    streamTransport,
    streamPort: wholeNumber(options.streamPort, "--stream-port", 0, 65_535),
    allowInline: allowInlineAgents,
    agentProcesses: wholeNumber(options.agentProcesses, "--agent-processes", 1, 4_096),
    agentMemoryMb: wholeNumber(options.agentMemory, "--agent-memory", 1, 65_536),
    agentsMemoryMb: wholeNumber(options.agentsMemory, "--agents-memory", 1, 1_048_576),
    agentHandlerMs: options.agentDeadline && durationOf(options.agentDeadline, "--agent-deadline"),
    halted,
    // The file may contain these, too.
    native: options.native ? undefined : false,
    privateLinks: options.privateLinks ? undefined : false,
    evacuate: options.evacuate ? undefined : false,
    leaveMs: options.leaveWithin && durationOf(options.leaveWithin, "--leave-within"),
    stopMs: options.stopTimeout && durationOf(options.stopTimeout, "--stop-timeout"),
    log,
  };
  const given = Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined),
  );
  return checkSettings(
    given,
    (key) => `argument --${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  );
}
