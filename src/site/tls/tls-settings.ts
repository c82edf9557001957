import { z } from "zod";
import { MeanderError } from "../../base/index.ts";
import { trustOf } from "../../client/index.ts";
import { parseFingerprint, type TlsTrust } from "../../transport/index.ts";
import type { TlsSource } from "./certificate-manager.ts";

/** How a site speaks TLS, and what it trusts, before the defaults. */
export interface TlsSettings {
  /** `auto`: with a certificate that the site generates. */
  readonly tls?: "auto" | undefined;
  /** File of its certificate, in PEM, followed by those of the intermediate authorities. */
  readonly tlsCert?: string | undefined;
  /** File of the certificate's private key, in PEM. */
  readonly tlsKey?: string | undefined;
  /** File with certificates, in PEM, of authorities that are trusted besides the usual ones. */
  readonly ca?: string | undefined;
  /** SHA-256 of the certificate of the site to join. */
  readonly fingerprint?: string | undefined;
}

const file = z.string().min(1).max(1000);

/** Reads {@link TlsSettings}. */
export const TLS_SETTINGS = {
  tls: z.enum(["auto"], "expected auto, or the settings tlsCert and tlsKey instead"),
  tlsCert: file,
  tlsKey: file,
  ca: file,
  fingerprint: z
    .string()
    .refine(
      (text) => parseFingerprint(text) !== undefined,
      "expected SHA-256 as 64 hex digits, as the site prints it",
    ),
} as const;

/**
 * Fills in the defaults.
 *
 * @param site its names, and its folder
 * @throws {MeanderError} `config-invalid`
 */
export function completeTls(
  { tls, tlsCert, tlsKey, ca, fingerprint }: TlsSettings,
  { names, data }: { readonly names: readonly string[]; readonly data: string },
): { readonly tls: TlsSource | undefined; readonly trust: TlsTrust } {
  const trust = trustOf({ ca, fingerprint });
  if (tlsCert !== undefined && tlsKey !== undefined && tls === undefined)
    return { tls: { type: "files", cert: tlsCert, key: tlsKey }, trust };
  if (tlsCert !== undefined || tlsKey !== undefined) {
    throw new MeanderError(
      "config-invalid",
      "a certificate needs its key, and a key its certificate",
      {
        where: "arguments --tls, --tls-cert, --tls-key",
        expected: "--tls auto, or --tls-cert FILE with --tls-key FILE",
      },
    );
  }
  if (tls === undefined) return { tls, trust };
  const wildcards = ["0.0.0.0", "::"];
  const all = [...names, "localhost", "127.0.0.1", "::1"].map((name) => name.toLowerCase());
  const own = [...new Set(all)].filter((name) => !wildcards.includes(name));
  return { tls: { type: "auto", folder: data, names: own }, trust };
}
