import { resolve } from "node:path";
import { type Clock, type Log, messageOf, type Random } from "../base/index.ts";
import type { LocalSite, SiteCredentials } from "../client/index.ts";
import { siteUrlOf } from "../client/index.ts";
import type { AccessMode, AccessPolicy, SiteRecord } from "../session/index.ts";
import type { Audit } from "../trust/index.ts";
import { SiteAccess } from "./access/site-access.ts";
import { ADMIN_TOKEN_FILE } from "./access/token-issuer.ts";
import type { Plane } from "./plane/plane.ts";
import { isLocal, type SiteOptions } from "./site-options.ts";
import type { SiteCertificate } from "./tls/certificate.ts";
import type { CertificateManager } from "./tls/certificate-manager.ts";

/** What a {@link SiteSecurity} needs. */
export interface SiteSecurityOptions {
  readonly options: SiteOptions;
  /** The one record of the site, which all its parts have; its certificate is kept up to date. */
  readonly record: SiteRecord;
  /** Names that it answers to. */
  readonly hosts: readonly string[];
  /** Undefined: plain HTTP. */
  readonly tls: CertificateManager | undefined;
  readonly plane: Plane;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Who may do what at a site, and how it proves itself: its access rules and its certificate. */
export class SiteSecurity {
  readonly access: SiteAccess;
  readonly #options: SiteSecurityOptions;

  constructor(options: SiteSecurityOptions) {
    const { plane, audit, clock, random, log } = options;
    const { access: mode, name: site } = options.options;
    this.#options = options;
    this.access = new SiteAccess({
      ...{ mode, site, isLocal: isLocal(options.options), audit, clock, random, log },
      onRules: (rules) => {
        plane
          .setAccess(rules)
          .catch((error: unknown) =>
            log.error("The plane refused the access rules.", { error: messageOf(error) }),
          );
      },
    });
  }

  /** Rules of a session that this site leads. */
  get policy(): Pick<AccessPolicy, "mode" | "public"> {
    const { options } = this.#options;
    const mode = options.access ?? (isLocal(options) ? "open" : "tokens");
    return { mode, public: options.public };
  }

  /** What the site presents to itself, and how it trusts itself. */
  get own(): SiteCredentials {
    return { token: this.access.ownToken, trust: this.#options.record.tls };
  }

  /** How programs of this user find the site and are admitted. */
  get local(): LocalSite & { readonly access: AccessMode } {
    const { record, hosts, options } = this.#options;
    const { mode, session } = this.access;
    return {
      ...{ url: siteUrlOf(record), hosts, pid: record.pid, session },
      ...{ access: mode, asks: mode === "tokens" },
      tokenFile: record.leader ? resolve(options.data, ADMIN_TOKEN_FILE) : null,
      fingerprint: record.tls?.fingerprint ?? null,
    };
  }

  /**
   * The site is up: warns of what is unprotected, and presents each new certificate.
   *
   * @param announce announces the record
   */
  start(announce: () => Promise<void>): void {
    const { options, record, tls, log } = this.#options;
    tls?.onChange((certificate) => this.#show(certificate, announce));
    if (isLocal(options)) return;
    if (this.access.mode === "open") {
      log.warn("Any client that reaches this site may watch, publish and administer.", {
        next: "remove --access open, so that the site requires tokens",
      });
    }
    if (record.tls === undefined) {
      log.warn(
        "Tokens, pages, media to viewers and the link key go over the network unencrypted.",
        {
          next: "add --tls auto, or --tls-cert and --tls-key, or put a TLS proxy in front of it",
        },
      );
    }
  }

  /** Reads the certificate's files again; open connections continue. Without TLS it does nothing. */
  async reload(): Promise<void> {
    await this.#options.tls?.reload();
  }

  close(): void {
    this.#options.tls?.close();
  }

  /** New connections see it at once, and the session is told what to expect. */
  #show({ cert, key, fingerprint }: SiteCertificate, announce: () => Promise<void>): void {
    const { record, plane, log } = this.#options;
    Object.assign(record, { tls: { fingerprint } });
    plane
      .setTls({ cert, key })
      .then(announce)
      .catch((error: unknown) =>
        log.error("The new certificate is not in use.", { error: messageOf(error) }),
      );
  }
}
