import type { Command } from "commander";
import { MeanderError } from "../base/index.ts";
import { SiteClient, type TokenView } from "../client/index.ts";
import { RIGHTS, type Right, tokenIdSchema } from "../session/index.ts";
import { collect, durationOf, type SiteArguments, withSite } from "./arguments.ts";
import { credentialsOf } from "./credentials.ts";
import { writeOutput } from "./output-file.ts";
import { openTerminal, type Paint, table } from "./terminal.ts";

const UNNAMED = "unnamed";

interface CreateArguments extends SiteArguments {
  readonly can: string;
  readonly channel: readonly string[];
  readonly streams: readonly string[];
  readonly sites: readonly string[];
  readonly expires: string;
  readonly name: string;
  readonly output?: string;
}

/** `meander token create|list|revoke` */
export function addToken(program: Command): void {
  const token = program
    .command("token")
    .description("make, list and revoke the tokens of the session");
  withSite(
    token
      .command("create")
      .description("make a token and print it: it is told this once")
      .requiredOption("--can <rights>", `what it allows, with commas between: ${RIGHTS.join(", ")}`)
      .option(
        "--channel <pattern>",
        "for watch and publish: news, 'sports/*' (all below) or '*'; may be repeated",
        collect,
        [],
      )
      .option(
        "--streams <pattern>",
        "for shell, code and policy: news, 'radio-*' or '*'; may be repeated",
        collect,
        [],
      )
      .option(
        "--sites <pattern>",
        "for shell, code and policy: north or '*'; may be repeated",
        collect,
        [],
      )
      .option("--expires <time>", "how long it counts, such as 10m, 8h or 30d", "24h")
      .option("--name <name>", "who it is for, to find and revoke it by", UNNAMED)
      .option(
        "--output <file>",
        "write it to a file that only this user can read, instead of printing it",
      ),
  ).action(async (options: CreateArguments) => {
    const terminal = openTerminal(options.json === true);
    const client = clientFor(options);
    const { token: text, record } = await client.createToken({
      name: nameOf(options),
      can: rightsOf(options.can),
      channels: options.channel,
      streams: options.streams,
      sites: options.sites,
      expiresInMs: durationOf(options.expires, "--expires"),
    });
    if (options.output !== undefined) {
      try {
        await writeOutput("--output", options.output, `${text}\n`, { mode: 0o600, isNew: true });
      } catch (error) {
        // It was not shown to anyone, so it is revoked.
        await client.revokeTokens({ id: record.id });
        throw error;
      }
    }
    terminal.show(options.output === undefined ? { token: text, record } : { record }, () =>
      options.output === undefined ? text : `written to ${options.output}`,
    );
    const scope = scopeOf(record);
    const on = scope === "" ? "" : ` on ${scope}`;
    terminal.note(
      `${record.name} may ${record.can.join(" and ")}${on} until ${timeOf(record.expiresAt)}; id ${record.id}`,
    );
  });
  withSite(token.command("list").description("the tokens that have not expired")).action(
    async (options: SiteArguments) => {
      const terminal = openTerminal(options.json === true);
      terminal.show(await clientFor(options).tokens(), (tokens) =>
        table(
          terminal.paint,
          ["ID", "NAME", "CAN", "FOR", "EXPIRES", "STATE"],
          tokens.map((each) => rowOf(each, terminal.paint)),
        ),
      );
    },
  );
  withSite(
    token
      .command("revoke")
      .description("take a token back, or all of a name; what goes on under them ends")
      .argument("[id]", "the token")
      .option("--name <name>", "all tokens of that name"),
  ).action(async (id: string | undefined, options: SiteArguments & { readonly name?: string }) => {
    const terminal = openTerminal(options.json === true);
    const { name } = options;
    if (id !== undefined && !tokenIdSchema.safeParse(id).success) {
      throw new MeanderError("arguments-invalid", `got ${JSON.stringify(id)}`, {
        where: "argument [id]",
        expected: "the id of a token",
        next: "see `meander token list`; --name NAME revokes all of a name",
      });
    }
    const client = clientFor(options);
    const revoked =
      id !== undefined && name === undefined
        ? await client.revokeTokens({ id })
        : id === undefined && name !== undefined
          ? await client.revokeTokens({ name })
          : oneOfBoth();
    terminal.show({ revoked }, () => `revoked: ${revoked.join(", ")}`);
  });
}

/** Tokens are asked for with a token, also where the site is open. */
function clientFor(options: SiteArguments): SiteClient {
  return new SiteClient(options.site, credentialsOf(options.site, options, { always: true }));
}

function oneOfBoth(): never {
  throw new MeanderError("arguments-invalid", "which token?", {
    where: "meander token revoke",
    expected: "its ID, or --name NAME for all of a name",
    next: "see `meander token list`",
  });
}

function rightsOf(text: string): Right[] {
  return text.split(",").map((part) => {
    const found = RIGHTS.find((right) => right === part.trim());
    if (found !== undefined) return found;
    throw new MeanderError("arguments-invalid", `got ${JSON.stringify(part)}`, {
      where: "argument --can",
      expected: `some of ${RIGHTS.join(", ")}, with commas between`,
    });
  });
}

/** Who shows a token that opens shells is known by its name, and owns what it creates: it is no default's. */
function nameOf({ name, can }: CreateArguments): string {
  if (name !== UNNAMED || !rightsOf(can).includes("shell")) return name;
  throw new MeanderError("arguments-invalid", "whom is the token for?", {
    where: "argument --name",
    expected: "a name, because streams belong to whoever created them",
  });
}

/** What a token is for, in words: `sports/*, streams radio-*, sites *`. */
function scopeOf({
  channels,
  streams,
  sites,
}: Pick<TokenView, "channels" | "streams" | "sites">): string {
  return [
    ...channels,
    ...(streams.length === 0 ? [] : [`streams ${streams.join(" ")}`]),
    ...(sites.length === 0 ? [] : [`sites ${sites.join(" ")}`]),
  ].join(", ");
}

function rowOf(
  { id, name, can, expiresAt, revokedAt, ...scopes }: TokenView,
  paint: Paint,
): readonly string[] {
  const state = revokedAt === null ? paint("green", "counts") : paint("red", "revoked");
  return [id, paint("bold", name), can.join(" "), scopeOf(scopes), timeOf(expiresAt), state];
}

function timeOf(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 16).replace("T", " ");
}
