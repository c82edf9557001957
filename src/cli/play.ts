import type { Command } from "commander";
import { isAboutToken, MeanderError, SystemClock } from "../base/index.ts";
import { visibleText } from "../view/index.ts";
import { clientOf, type SiteArguments, wholeNumber, withSite } from "./arguments.ts";
import { credentialsOf } from "./credentials.ts";
import { OutputFile, writeOutput } from "./output-file.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

interface Arguments extends SiteArguments {
  readonly sdp?: boolean;
  readonly text?: boolean;
  readonly host: string;
  readonly ports: string;
  readonly ttl?: string;
  readonly interface?: string;
  readonly output?: string;
  readonly remove?: string;
}

/** Messages of this type are written as they are, one after the other. */
const BINARY = "application/octet-stream";

/** `meander play` */
export function addPlay(program: Command): void {
  withSite(
    program
      .command("play")
      .description(
        "watch a channel: print the page to open, an SDP for another player, or its messages",
      )
      .argument("<channel>", "name of the channel")
      .option("--sdp", "send it as plain RTP, and print the SDP for ffplay, VLC or GStreamer")
      .option(
        "--host <address>",
        "for --sdp: where the player is, or a multicast group",
        "127.0.0.1",
      )
      .option("--ports <video,audio>", "for --sdp: the player's RTP ports", "5004,5006")
      .option(
        "--ttl <routers>",
        "for --sdp to a group: how far it goes, 1 to 255 (1: this network)",
      )
      .option(
        "--interface <name>",
        "for --sdp to a group: name or address of the interface (the one that the site listens on)",
      )
      .option(
        "--text",
        "print its messages, one line each; bytes of application/octet-stream as they are",
      )
      .option("--output <file>", "write the SDP or the messages there")
      .option("--remove <id>", "end an output that --sdp has opened"),
  ).action(async (channel: string, options: Arguments) => {
    const terminal = openTerminal(options.json === true);
    if (options.remove !== undefined) {
      const id = wholeNumber(options.remove, "--remove", 0, 999_999_999) ?? 0;
      await clientOf(options).removeOutput(id);
      return terminal.show({ removed: id }, () => "done");
    }
    if (options.text === true) return playText(channel, options, terminal);
    if (options.sdp === true) return playSdp(channel, options, terminal);
    const client = clientOf(options);
    await client.channel(channel);
    const url = `${client.url}/player.html?channel=${encodeURIComponent(channel)}`;
    terminal.show({ channel, url }, () => url);
  });
}

async function playSdp(channel: string, options: Arguments, terminal: Terminal): Promise<void> {
  const [video, audio] = options.ports.split(",");
  const ports = {
    video: wholeNumber(video === "" ? undefined : video, "--ports", 1, 65_534),
    audio: wholeNumber(audio === "" ? undefined : audio, "--ports", 1, 65_534),
  };
  const ttl = wholeNumber(options.ttl, "--ttl", 1, 255);
  const { interface: on, host } = options;
  const sending = ttl === undefined && on === undefined ? undefined : { ttl, interface: on };
  const client = clientOf(options);
  const { id, sdp } = await client.addOutput(channel, host, ports, sending);
  if (options.output !== undefined) {
    try {
      await writeOutput("--output", options.output, sdp);
    } catch (error) {
      // Without its SDP nobody receives what is sent.
      await client.removeOutput(id);
      throw error;
    }
  }
  if (terminal.json) terminal.show({ channel, id, sdp }, () => "");
  else if (options.output === undefined) terminal.write(sdp);
  terminal.note(`sent until: meander play ${channel} --remove ${id}`);
  if (options.output !== undefined)
    terminal.note(`ffplay -protocol_whitelist file,rtp,udp ${options.output}`);
}

async function playText(channel: string, options: Arguments, terminal: Terminal): Promise<void> {
  const { watchChannel } = await import("../client/watch/index.ts");
  const { AbsenceNotes } = await import("./absence-notes.ts");
  const { KIND, kindOf, mediumOf, payloadOf } = await import("../wire/index.ts");
  const file =
    options.output === undefined ? undefined : await OutputFile.open("--output", options.output);
  const output = file ?? process.stdout;
  // A person looks at a terminal, on which what others send must not act; programs and files get it as it is.
  const isShown = file === undefined && process.stdout.isTTY === true;
  /** Content types of the channel's messages, by medium. */
  let types = new Map<number, string>();
  const show = (packet: Uint8Array): void => {
    const bytes = payloadOf(packet);
    if (terminal.json) output.write(`${JSON.stringify({ channel, ...messageOf(bytes) })}\n`);
    else if (isShown) output.write(visibleText(new TextDecoder().decode(bytes)));
    else output.write(bytes);
    // Of other bytes nothing is known: what is between them would be part of them.
    if (!terminal.json && types.get(mediumOf(packet)) !== BINARY) output.write("\n");
  };
  const absence = new AbsenceNotes(terminal, new SystemClock());
  let isStalled = false;
  let wasThere = false;
  /** A site that is full, or that does not know the channel after a restart, is waited for, and others are tried. */
  const isFinal = (code: string): boolean =>
    isAboutToken(code) || (code === "channel-unknown" && !wasThere);
  const refused = new Promise<MeanderError>((resolve) => {
    void file?.failed.then(resolve);
    const watching = watchChannel(
      options.site,
      channel,
      {
        onPacket: (packet) => {
          if (kindOf(packet) === KIND.data) show(packet);
        },
        onDescription: ({ tracks }) => {
          wasThere = true;
          types = new Map(tracks.map(({ codec, medium }) => [medium, codec]));
          absence.described(tracks.length);
        },
        onGap: ({ count }) => terminal.note(`${count} messages were lost`),
        onState: (state) => {
          if (state.type === "refused" && isFinal(state.code))
            resolve(new MeanderError(state.code, state.message, { where: `channel ${channel}` }));
          else absence.state(state);
          if (isStalled && state.type === "live")
            terminal.note(`the channel arrives again at ${state.site}`);
          isStalled = state.type === "stalled";
          if (state.type === "lost") terminal.note(`lost ${state.site}: ${state.reason}`);
        },
      },
      credentialsOf(options.site, options),
    );
    watching.then(
      (watcher) => {
        const finish = (): void => {
          watcher.close();
          void Promise.resolve(file?.close()).then(() => process.exit(0));
        };
        process.once("SIGINT", finish).once("SIGTERM", finish);
        // It would ask again, and the process would stay.
        void refused.then(() => {
          watcher.close();
          absence.close();
        });
      },
      (error: MeanderError) => resolve(error),
    );
  });
  throw await refused;
}

/** A message as text, or in base64 if it is no text. */
function messageOf(bytes: Uint8Array): { message: string } | { base64: string } {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { message: decoder.decode(bytes) };
  } catch {
    return { base64: Buffer.from(bytes).toString("base64") };
  }
}
