import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import {
  type Cancel,
  type Clock,
  every,
  LIMITS,
  type Log,
  MeanderError,
} from "../../base/index.ts";
import { formatFingerprint } from "../../transport/index.ts";
import { writeSecret } from "../access/secret-file.ts";
import type { TlsIdentity } from "../http/http-listener.ts";
import { readCertificate, type SiteCertificate } from "./certificate.ts";

/** Where a site's certificate comes from. */
export type TlsSource =
  /** Made by the site itself, for these names, in this folder. */
  | { readonly type: "auto"; readonly folder: string; readonly names: readonly string[] }
  | { readonly type: "files"; readonly cert: string; readonly key: string };

/** What a {@link CertificateManager} works with. */
export interface CertificateManagerOptions {
  readonly source: TlsSource;
  readonly clock: Clock;
  readonly log: Log;
}

const DAY_MS = 86_400_000;
/** Life of a certificate of our own making, ms: what browsers take. */
const OWN_MS = 397 * DAY_MS;
/** One of our own making is made anew when it has less than this left, ms. */
const RENEW_MS = 30 * DAY_MS;

/** Keeps a site's certificate: reads or makes it, and notices when it has become another. */
export class CertificateManager {
  readonly #options: CertificateManagerOptions;
  readonly #cancel: Cancel;
  #current: SiteCertificate;
  #listener: (certificate: SiteCertificate) => void = () => {};
  #looking: Promise<void> | undefined;
  #lastProblem = "";

  /** @throws {MeanderError} `certificate-invalid` */
  static async open(options: CertificateManagerOptions): Promise<CertificateManager> {
    return new CertificateManager(options, await read(options));
  }

  private constructor(options: CertificateManagerOptions, first: SiteCertificate) {
    this.#options = options;
    this.#current = first;
    const { clock } = options;
    this.#cancel = every(clock, "certificate", LIMITS.certificateLookMs, () => void this.reload());
  }

  /** The certificate that is shown now. */
  get current(): SiteCertificate {
    return this.#current;
  }

  /** Who hears of each new certificate; one. */
  onChange(listener: (certificate: SiteCertificate) => void): void {
    this.#listener = listener;
  }

  /** Looks at the files now. When they are not right, the certificate there was goes on, and the log tells. */
  reload(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  close(): void {
    this.#cancel();
  }

  async #look(): Promise<void> {
    const { log } = this.#options;
    try {
      const next = await read(this.#options);
      this.#lastProblem = "";
      if (next.fingerprint === this.#current.fingerprint && next.key === this.#current.key) return;
      this.#current = next;
      const fingerprint = formatFingerprint(next.fingerprint);
      log.info("The site has a new certificate.", { fingerprint, until: dateOf(next.validTo) });
      this.#listener(next);
    } catch (error) {
      const problem = error instanceof MeanderError ? error.message : String(error);
      if (problem === this.#lastProblem) return;
      this.#lastProblem = problem;
      log.error("The new certificate cannot be used; the old one goes on.", { error: problem });
    }
  }
}

function read(options: CertificateManagerOptions): Promise<SiteCertificate> {
  const { source } = options;
  return source.type === "files" ? readFiles(source, options) : readOwn(source, options);
}

async function readFiles(
  { cert, key }: { readonly cert: string; readonly key: string },
  { clock }: CertificateManagerOptions,
): Promise<SiteCertificate> {
  const identity = { cert: await readText(cert), key: await readText(key) };
  return readCertificate(identity, `${cert}, ${key}`, clock);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new MeanderError("certificate-invalid", "the file cannot be read", {
      where: file,
      expected: "a file in PEM that the site may read",
      cause,
    });
  }
}

async function readOwn(
  { folder, names }: { readonly folder: string; readonly names: readonly string[] },
  { clock }: CertificateManagerOptions,
): Promise<SiteCertificate> {
  const files = { cert: join(folder, "tls-cert.pem"), key: join(folder, "tls-key.pem") };
  const there = await ownThere(files, clock);
  if (there !== undefined && isGood(there, names, clock)) return there;
  const now = clock.wall();
  // What makes certificates is large, and needed once in a certificate's life.
  const { makeSelfSigned } = await import("./self-signed.ts");
  const made = await makeSelfSigned({ names, validFrom: now, validTo: now + OWN_MS });
  const checked = readCertificate(made, folder, clock);
  // The key first: a certificate without it would be taken for one that was tampered with.
  await writeSecret(files.key, made.key);
  await writeSecret(files.cert, made.cert);
  return checked;
}

async function ownThere(files: TlsIdentity, clock: Clock): Promise<SiteCertificate | undefined> {
  try {
    const [cert, key] = await Promise.all([
      readFile(files.cert, "utf8"),
      readFile(files.key, "utf8"),
    ]);
    return readCertificate({ cert, key }, files.cert, clock);
  } catch {
    // There is none, or none that counts any more: a new one is made.
    return undefined;
  }
}

function isGood(
  { certificate, validTo }: SiteCertificate,
  names: readonly string[],
  clock: Clock,
): boolean {
  const isFor = (name: string): boolean =>
    (isIP(name) === 0
      ? certificate.checkHost(name, { subject: "never" })
      : certificate.checkIP(name)) !== undefined;
  return validTo - clock.wall() > RENEW_MS && names.every(isFor);
}

function dateOf(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 10);
}
