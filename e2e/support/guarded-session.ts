import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { MeanderError } from "../../src/base/index.ts";
import { type Publication, publishLines, SiteClient } from "../../src/site/index.ts";
import { needs } from "./programs.ts";
import { credentialsAt, OUTSIDE, SecureSession, type SecureSite } from "./secure-session.ts";
import type { Viewer } from "./viewer.ts";

export const HOUR = 3_600_000;
/** For a test's `skip`. */
export const noAddress = needs({ "an address that is not loopback": OUTSIDE });

/** A token as `POST /api/tokens` is asked for it. */
interface WantedToken {
  readonly name?: string;
  readonly can: readonly ("watch" | "publish" | "join" | "administer")[];
  readonly channels?: readonly string[];
  readonly expiresInMs?: number;
}

/**
 * Two sites for the tests of one file, `north`, which leads, and `south`, both reached by an address that is not loopback,
 * with TLS and tokens. Channels under `open/` are public.
 */
export class GuardedSession {
  #session: SecureSession | undefined;
  #north: SecureSite | undefined;
  #south: SecureSite | undefined;
  #boss: SiteClient | undefined;
  /** The text of every token of these tests; the first is the administrator's. */
  readonly secrets: string[] = [];

  /** Registers the hooks of the file that calls it. */
  static use(): GuardedSession {
    const session = new GuardedSession();
    before(async () => {
      if (noAddress === false) await session.#open();
    });
    after(() => session.#session?.[Symbol.asyncDispose]());
    return session;
  }

  private constructor() {}

  get session(): SecureSession {
    return this.#session as SecureSession;
  }

  get north(): SecureSite {
    return this.#north as SecureSite;
  }

  get south(): SecureSite {
    return this.#south as SecureSite;
  }

  /** With the administrator's token, at `north`. */
  get boss(): SiteClient {
    return this.#boss as SiteClient;
  }

  async tokenFor({
    name = "viewer",
    can,
    channels = [],
    expiresInMs = HOUR,
  }: WantedToken): Promise<{ readonly text: string; readonly id: string }> {
    const { token, record } = await this.boss.createToken({ name, can, channels, expiresInMs });
    this.secrets.push(token);
    return { text: token, id: record.id };
  }

  /** Registers the last test of the file: nothing secret was logged. */
  testSecrets(): void {
    const name = "no token, key or secret is in what the sites have printed";
    test(name, { skip: noAddress }, () => this.#assertNothingPrinted());
  }

  async #open(): Promise<void> {
    this.#session = await SecureSession.open();
    const open = ["--open", OUTSIDE ?? "", "--advertise", OUTSIDE ?? "", "--tls", "auto"];
    this.#north = await this.session.site("north", {}, ...open, "--public", "open/*");
    this.#boss = await this.session.administrator(this.north);
    this.secrets.push((await readFile(this.north.tokenFile ?? "", "utf8")).trim());
    const join = await this.tokenFor({ name: "site south", can: ["join"] });
    const fingerprint = ["--fingerprint", this.north.tls?.fingerprint ?? ""];
    const env = { MEANDER_TOKEN: join.text };
    const more = ["--join", this.north.url, ...fingerprint];
    this.#south = await this.session.site("south", env, ...open, ...more);
  }

  async #assertNothingPrinted(): Promise<void> {
    const { folder, printed } = this.session;
    const { d } = JSON.parse(await readFile(join(folder, "north", "access-key.json"), "utf8")) as {
      d: string;
    };
    assert.match(printed, /"level":20,/, "they log everything");
    assert.match(printed, /A token was issued/);
    const member = (await readFile(join(folder, "south", "member-token"), "utf8")).trim();
    for (const token of [...this.secrets, member]) {
      const [, body = "", signature = ""] = token.split(".");
      for (const part of [token, body, signature]) {
        assert.ok(part.length > 20);
        assert.equal(printed.includes(part), false, `${part.slice(0, 8)}… is in a log`);
      }
    }
    assert.equal(printed.includes(d), false, "the session's key is in a log");
    assert.doesNotMatch(printed, /PRIVATE KEY|linkKey|ownToken/);
  }
}

export function clientAt(site: SecureSite, token?: string): SiteClient {
  return new SiteClient(site.url, credentialsAt(site, token));
}

/** "granted", or the code of the error that a request failed with. */
export async function codeOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
    return "granted";
  } catch (error) {
    return (error as MeanderError).code;
  }
}

/** The code by which a viewer was refused last. */
export function refusalOf(viewer: Viewer): string | undefined {
  const refused = viewer.states.findLast(({ type }) => type === "refused");
  return refused?.type === "refused" ? refused.code : undefined;
}

/** Publishes messages on a channel, ten a second, until it ends. */
export async function publishMessages(
  site: SecureSite,
  channel: string,
  token: string,
): Promise<Publication> {
  const lines = async function* (): AsyncGenerator<string> {
    for (let count = 0; ; count++) {
      yield `message ${count}`;
      await new Promise((resolve) => setTimeout(resolve, 100).unref());
    }
  };
  const options = { site: site.url, channel, ...credentialsAt(site, token) };
  return await publishLines(lines(), "text/plain", options);
}
