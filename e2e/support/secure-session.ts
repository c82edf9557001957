import { createHash, createPublicKey, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { SiteClient, type SiteCredentials } from "../../src/site/index.ts";
import { endOf, json, MEANDER, type Running, start } from "./processes.ts";

/** An address of this machine that others could reach; undefined: it has none. */
export const OUTSIDE: string | undefined = Object.values(networkInterfaces())
  .flat()
  .find((each) => each?.family === "IPv4" && !each.internal)?.address;

/** What a site printed when it was up. */
export interface SecureSite {
  readonly name: string;
  readonly url: string;
  readonly access: "open" | "tokens";
  readonly tokenFile: string | null;
  readonly tls: { readonly fingerprint: string } | undefined;
  readonly running: Running;
}

/** What a verb of the command line did. */
export interface Done {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Sites of one session that require tokens, each a process that logs everything, and the command line beside them. */
export class SecureSession implements AsyncDisposable {
  readonly folder: string;
  readonly #sites: SecureSite[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<SecureSession> {
    return new SecureSession(await mkdtemp(join(tmpdir(), "meander-secure-")));
  }

  /** Starts a site, with its data under its name. */
  async site(
    name: string,
    env: NodeJS.ProcessEnv,
    ...more: readonly string[]
  ): Promise<SecureSite> {
    const running = this.run(name, env, ...more);
    const up = await running.line((line) => json<Omit<SecureSite, "running">>(line));
    const site = { ...up, running };
    this.#sites.push(site);
    return site;
  }

  /** The same, without waiting. */
  run(name: string, env: NodeJS.ProcessEnv, ...more: readonly string[]): Running {
    const about = ["--name", name, "--data", join(this.folder, name), "--http-port", "0"];
    const args = ["site", "--json", "--log", "debug", ...about, ...more];
    return start(process.execPath, [MEANDER, ...args], { ...this.#env, ...env });
  }

  /** Runs a verb to its end. */
  async verb(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Done> {
    const running = start(process.execPath, [MEANDER, ...args], { ...this.#env, ...env });
    const code = await endOf(running);
    return { code, stdout: running.stdout(), stderr: running.stderr() };
  }

  /** A client with the leader's own token. */
  async administrator(site: SecureSite): Promise<SiteClient> {
    const token = (await readFile(site.tokenFile ?? "", "utf8")).trim();
    return new SiteClient(site.url, { token, trust: site.tls });
  }

  /** Everything that the sites have printed so far. */
  get printed(): string {
    return this.#sites.map(({ running }) => running.stdout() + running.stderr()).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sites.map(({ running }) => running.stop()));
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The tokens that these sites leave for the command line are for this test alone. */
  get #env(): NodeJS.ProcessEnv {
    return { XDG_RUNTIME_DIR: this.folder, MEANDER_TOKEN: "", MEANDER_FINGERPRINT: undefined };
  }
}

/** What a viewer, publisher or client shows at a site. */
export function credentialsAt(site: SecureSite, token?: string): SiteCredentials {
  return { token, trust: site.tls };
}

/** How Chromium is told to trust one public key: SHA-256 of its DER, in base64. */
export function publicKeyHash(certificate: string): string {
  const { publicKey } = new X509Certificate(certificate);
  const der = createPublicKey(publicKey.export({ type: "spki", format: "pem" })).export({
    type: "spki",
    format: "der",
  });
  return createHash("sha256").update(der).digest("base64");
}
