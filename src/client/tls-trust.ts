import { readFileSync } from "node:fs";
import { MeanderError } from "../base/index.ts";
import { parseFingerprint, type TlsTrust } from "../transport/index.ts";

/** The trust that options describe. @throws {MeanderError} `config-invalid` */
export function trustOf({
  ca,
  fingerprint,
}: {
  readonly ca?: string | undefined;
  readonly fingerprint?: string | undefined;
}): TlsTrust {
  const digits = fingerprint === undefined ? undefined : parseFingerprint(fingerprint);
  if (fingerprint !== undefined && digits === undefined) {
    throw new MeanderError("config-invalid", "not a fingerprint", {
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
    // Reported below.
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new MeanderError("config-invalid", "the file has no certificates", {
    where: `argument --ca ${path}`,
    expected: "a file with certificates in PEM",
  });
}
