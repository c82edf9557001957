import { createPrivateKey, X509Certificate } from "node:crypto";
import { type Clock, MeanderError, messageOf } from "../../base/index.ts";
import { parseFingerprint } from "../../transport/index.ts";
import type { TlsIdentity } from "../http/http-listener.ts";

/** The certificate that a site presents. */
export interface SiteCertificate extends TlsIdentity {
  /** SHA-256, 64 hex digits in lower case. */
  readonly fingerprint: string;
  /** Wall clock, ms. */
  readonly validTo: number;
  readonly certificate: X509Certificate;
}

/**
 * Checks a certificate and its key before they are used.
 *
 * @param where their files, for errors
 * @throws {MeanderError} `certificate-invalid`
 */
export function readCertificate(
  { cert, key }: TlsIdentity,
  where: string,
  clock: Pick<Clock, "wall">,
): SiteCertificate {
  const invalid = (what: string, expected: string, cause?: unknown): MeanderError =>
    new MeanderError("certificate-invalid", what, { where, expected, cause });
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch (cause) {
    throw invalid(`no certificate: ${messageOf(cause)}`, "a certificate in PEM", cause);
  }
  let matches: boolean;
  try {
    matches = certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    // The contents of a key file stay out of messages.
    throw invalid("no private key", "a private key in PEM, without a passphrase");
  }
  if (!matches)
    throw invalid("the key is not the certificate's", "the private key of that certificate");
  const validTo = Date.parse(certificate.validTo);
  if (validTo <= clock.wall()) {
    throw invalid(`the certificate expired on ${certificate.validTo}`, "one that counts now");
  }
  const fingerprint = parseFingerprint(certificate.fingerprint256) ?? "";
  return { cert, key, fingerprint, validTo, certificate };
}
