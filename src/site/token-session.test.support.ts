/** A session of two sites that requires tokens, for the tests of who may do what. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SiteClient } from "../client/index.ts";
import type { Right } from "../session/index.ts";
import { ADMIN_TOKEN_FILE } from "./access/token-issuer.ts";
import { Site } from "./site.ts";
import type { SitePorts } from "./site-ports.ts";

/** What a token is for; without patterns everything. */
export interface TokenScopes {
  readonly channels?: readonly string[];
  readonly streams?: readonly string[];
  readonly sites?: readonly string[];
}

/** North leads, south has joined. */
export class TokenSession implements AsyncDisposable {
  readonly north: Site;
  readonly south: Site;
  /** A token with `administer`. */
  readonly admin: string;
  readonly #folder: string;

  private constructor(north: Site, south: Site, admin: string, folder: string) {
    this.north = north;
    this.south = south;
    this.admin = admin;
    this.#folder = folder;
  }

  static async start(ports: Partial<SitePorts> = {}): Promise<TokenSession> {
    const folder = await mkdtemp(join(tmpdir(), "meander-tokens-"));
    const about = { httpPort: 0, access: "tokens" } as const;
    const local = { plane: "local", ...ports } as const;
    const data = join(folder, "north");
    const north = await Site.start({ ...about, name: "north", data }, local);
    const admin = (await readFile(join(data, ADMIN_TOKEN_FILE), "utf8")).trim();
    const token = await makeToken(north, admin, "south", ["join"]);
    const asSouth = { ...about, name: "south", data: join(folder, "south"), join: north.url };
    const south = await Site.start(asSouth, { ...local, token });
    return new TokenSession(north, south, admin, folder);
  }

  /** The text of a token. */
  token(name: string, can: readonly Right[], scopes: TokenScopes = {}): Promise<string> {
    return makeToken(this.north, this.admin, name, can, scopes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.south.stop();
    await this.north.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function makeToken(
  site: Site,
  admin: string,
  name: string,
  can: readonly Right[],
  { channels, streams, sites }: TokenScopes = {},
): Promise<string> {
  const isOnChannels = can.includes("watch") || can.includes("publish");
  const isOnStreams = (["shell", "code", "policy"] as const).some((right) => can.includes(right));
  const made = await new SiteClient(site.url, { token: admin }).createToken({
    ...{ name, can, expiresInMs: 3_600_000 },
    channels: channels ?? (isOnChannels ? ["*"] : []),
    streams: streams ?? (isOnStreams ? ["*"] : []),
    sites: sites ?? (isOnStreams ? ["*"] : []),
  });
  return made.token;
}

/** A token that says something else than was signed. */
export function forged(token: string, claims: object): string {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const said = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
  const text = JSON.stringify({ ...said, ...claims });
  return [header, Buffer.from(text).toString("base64url"), signature].join(".");
}
