import { readFileSync } from "node:fs";
import { MeanderError } from "../base/index.ts";
import { parseFingerprint, type TlsTrust } from "../transport/index.ts";

/** What is trusted, of what people type. @throws {MeanderError} `config-invalid` */
export function trustOf({
  ca,
  fingerprint,
}: {
  readonly ca?: string | undefined;
  readonly fingerprint?: string | undefined;
}): TlsTrust {
  const digits = fingerprint === undefined ? undefined : parseFingerprint(fingerprint);
  if (fingerprint !== undefined && digits === undefined) {
    throw new MeanderError("config-invalid", "that is no fingerprint", {
      where: "argument --fingerprint",
      expected: "SHA-256 as 64 hex digits, as the site prints it",
    });
  }
  return { fingerprint: digits, ca: ca === undefined ? undefined : readAuthorities(ca) };
}

function readAuthorities(path: string): string {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // Told below.
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new MeanderError("config-invalid", "no certificates can be read there", {
    where: `argument --ca ${path}`,
    expected: "a file with certificates in PEM",
  });
}
