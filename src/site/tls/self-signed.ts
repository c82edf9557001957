import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { Integer, OctetString, PrintableString, Utf8String } from "asn1js";
import {
  AttributeTypeAndValue,
  BasicConstraints,
  Certificate,
  CryptoEngine,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
} from "pkijs";
import type { TlsIdentity } from "../http/http-listener.ts";

/** The contents of a self-signed certificate. */
export interface SelfSignedOptions {
  /** Host names and IP addresses that it is for; at least one. */
  readonly names: readonly string[];
  /** Wall clock, ms. */
  readonly validFrom: number;
  readonly validTo: number;
}

/** As the library's types call it. */
type PlatformCrypto = ConstructorParameters<typeof CryptoEngine>[0]["crypto"];

/** How slow a clock may be without taking the certificate for one of the future, ms. */
const EARLY_MS = 86_400_000;

/** Makes a self-signed certificate: ECDSA on P-256. */
export async function makeSelfSigned(options: SelfSignedOptions): Promise<TlsIdentity> {
  const { names, validFrom, validTo } = options;
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const engine = new CryptoEngine({ name: "node", crypto: webcrypto as unknown as PlatformCrypto });
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ valueHex: serialNumber() });
  for (const party of [certificate.subject, certificate.issuer]) {
    party.typesAndValues.push(
      new AttributeTypeAndValue({
        type: "2.5.4.10",
        value: new PrintableString({ value: "Meander" }),
      }),
      new AttributeTypeAndValue({
        type: "2.5.4.3",
        // At most 64 characters by RFC 5280; browsers read the alternative names.
        value: new Utf8String({ value: (names[0] ?? "").slice(0, 64) }),
      }),
    );
  }
  certificate.notBefore.value = new Date(validFrom - EARLY_MS);
  certificate.notAfter.value = new Date(validTo);
  certificate.extensions = extensionsOf(names);
  const { publicKey, privateKey } = keys as webcrypto.CryptoKeyPair;
  await certificate.subjectPublicKeyInfo.importKey(publicKey, engine);
  await certificate.sign(privateKey, "SHA-256", engine);
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", privateKey);
  return {
    cert: pem("CERTIFICATE", certificate.toSchema(true).toBER(false)),
    key: pem("PRIVATE KEY", pkcs8),
  };
}

function extensionsOf(names: readonly string[]): Extension[] {
  const alternatives = new GeneralNames({ names: names.map(generalNameOf) });
  const constraints = new BasicConstraints({ cA: false });
  const usage = new ExtKeyUsage({ keyPurposes: ["1.3.6.1.5.5.7.3.1"] });
  return [
    extension("2.5.29.17", false, alternatives.toSchema().toBER(false)),
    extension("2.5.29.19", true, constraints.toSchema().toBER(false)),
    extension("2.5.29.37", false, usage.toSchema().toBER(false)),
  ];
}

function extension(extnID: string, critical: boolean, extnValue: ArrayBuffer): Extension {
  return new Extension({ extnID, critical, extnValue });
}

/** 2: a DNS name, 7: an address; RFC 5280 §4.2.1.6. */
function generalNameOf(name: string): GeneralName {
  if (isIP(name) === 0) return new GeneralName({ type: 2, value: domainToASCII(name) });
  return new GeneralName({ type: 7, value: new OctetString({ valueHex: addressBytes(name) }) });
}

/** Network order; an IPv4 address has 4, an IPv6 address 16. */
export function addressBytes(address: string): ArrayBuffer {
  if (isIP(address) === 4) return new Uint8Array(address.split(".").map(Number)).buffer;
  // The platform writes them in one form: groups in hex, one `::` at most.
  const plain = new URL(`http://[${address.replace(/%.*$/, "")}]`).hostname.slice(1, -1);
  const [head = "", tail] = plain.split("::");
  const groupsOf = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const [before, after] = [groupsOf(head), groupsOf(tail ?? "")];
  const zeros = Array<number>(8 - before.length - after.length).fill(0);
  const bytes = new Uint8Array(16);
  for (const [index, group] of [...before, ...zeros, ...after].entries()) {
    bytes[2 * index] = group >> 8;
    bytes[2 * index + 1] = group & 0xff;
  }
  return bytes.buffer;
}

/** Positive, and with as many bytes as it says. */
function serialNumber(): ArrayBuffer {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.buffer as ArrayBuffer;
}

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
