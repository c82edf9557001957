import type { Socket } from "node:net";
import {
  connect,
  createSecureContext,
  type PeerCertificate,
  rootCertificates,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { type Clock, LIMITS, MeanderError } from "../base/index.ts";
import { connectErrorOf, connectTimeout } from "./stream-end.ts";

/** By what the other end of a TLS connection is trusted. */
export interface TlsTrust {
  /** SHA-256 of the expected certificate, 64 hex digits in lower case. Its issuer and its name do not matter then. */
  readonly fingerprint?: string | undefined;
  /** Certificates in PEM of authorities that are trusted in addition to the well-known ones. */
  readonly ca?: string | undefined;
}

/** What was presented, as far as it is looked at. */
export interface PresentedCertificate {
  /** SHA-256, 64 hex digits in lower case. */
  readonly fingerprint: string;
  /** Names and addresses that it is for: `north.example, 127.0.0.1`. */
  readonly names: string;
  readonly issuer: string;
  /** Wall clock, ms. */
  readonly validFrom: number;
  readonly validTo: number;
  /** What is wrong with it by the rules of authorities and names; undefined: nothing. */
  readonly fault: string | undefined;
}

/**
 * Opens a TLS connection. It is handed out only when the other end is trusted: nothing is sent before.
 *
 * @param trust default: the well-known authorities, for the name `host`
 * @throws {MeanderError} `tls-untrusted`, `tls-name-wrong`, `tls-expired`, `tls-fingerprint-wrong`, `tls-missing`,
 *   `connect-refused`, `connect-timeout`
 */
export function connectTls(
  { host, port }: { readonly host: string; readonly port: number },
  { trust = {}, clock }: { readonly trust?: TlsTrust | undefined; readonly clock: Clock },
): Promise<TLSSocket> {
  const where = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    // Judged below, with words that help, and before anybody can write.
    const judged = { rejectUnauthorized: false, secureContext: contextOf(trust) };
    const named = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
    const socket = connect({ host, port, ALPNProtocols: ["http/1.1"], ...named, ...judged });
    socket.setNoDelay(true);
    const fail = (error: MeanderError): void => {
      cancel();
      reject(error);
      socket.destroy();
    };
    const cancel = clock.after("TLS connect", LIMITS.connectMsMax, () =>
      fail(connectTimeout(where)),
    );
    const onError = (error: Error): void => fail(tlsErrorOf(error, where));
    // Stays: destroying makes one more error.
    socket.on("error", onError);
    socket.once("secureConnect", () => {
      const error = judgeCertificate(presentedBy(socket), trust, { where, now: clock.wall() });
      if (error !== undefined) return fail(error);
      cancel();
      socket.off("error", onError);
      resolve(socket);
    });
  });
}

/** For `http.request` and WebSockets: makes their connections by {@link connectTls}. */
export function tlsConnector(
  address: { readonly host: string; readonly port: number },
  options: { readonly trust?: TlsTrust | undefined; readonly clock: Clock },
): (ignored: unknown, done?: (error: Error | null, socket: Socket) => void) => undefined {
  return (_options, done) => {
    connectTls(address, options).then(
      (socket) => done?.(null, socket),
      (error: Error) => done?.(error, undefined as unknown as Socket),
    );
    return undefined;
  };
}

/** Why a certificate is not good enough; undefined when it is. */
export function judgeCertificate(
  presented: PresentedCertificate,
  trust: TlsTrust,
  { where, now }: { readonly where: string; readonly now: number },
): MeanderError | undefined {
  const { fingerprint, names, issuer, validFrom, validTo, fault } = presented;
  if (trust.fingerprint !== undefined && trust.fingerprint !== fingerprint) {
    return new MeanderError(
      "tls-fingerprint-wrong",
      `the certificate there has the fingerprint ${formatFingerprint(fingerprint)}`,
      {
        where,
        expected: formatFingerprint(trust.fingerprint),
        next: "compare with what the site printed when it started; if the certificate was not replaced, the connection may be intercepted",
      },
    );
  }
  if (now < validFrom || now > validTo) {
    const time = now < validFrom ? "counts from" : "expired on";
    const date = new Date(now < validFrom ? validFrom : validTo).toISOString().slice(0, 10);
    return new MeanderError("tls-expired", `the certificate there ${time} ${date}`, {
      where,
      expected: "a certificate that counts now",
      next: "renew it at the site, or check this machine's clock",
    });
  }
  if (trust.fingerprint !== undefined || fault === undefined) return undefined;
  if (fault === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return new MeanderError("tls-name-wrong", "the certificate there is for another name", {
      where,
      expected: `one of ${names}`,
      next: "use a name that the certificate has, or trust it by --fingerprint",
    });
  }
  return new MeanderError(
    "tls-untrusted",
    `the certificate is not signed by a known authority (${fault}) but by ${issuer}; its fingerprint is ${formatFingerprint(fingerprint)}`,
    {
      where,
      expected: "a certificate signed by an authority that this machine trusts",
      next: "trust it by --fingerprint when that is what the site printed, or its authority by --ca FILE",
    },
  );
}

/** `AB:CD:…` of 64 hex digits. */
export function formatFingerprint(fingerprint: string): string {
  return (fingerprint.toUpperCase().match(/../g) ?? []).join(":");
}

/**
 * 64 hex digits in lower case, with or without colons, after `sha256:` or `SHA256 Fingerprint=`; undefined: not a
 * fingerprint.
 */
export function parseFingerprint(text: string): string | undefined {
  const digits = text
    .replace(/^sha-?256(?: fingerprint)?[:= ]\s*/i, "")
    .replaceAll(":", "")
    .trim()
    .toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? digits : undefined;
}

const contexts = new WeakMap<TlsTrust, SecureContext>();

/** The authorities take a while to read, so they are read once for each trust. */
function contextOf(trust: TlsTrust): SecureContext {
  const known = contexts.get(trust);
  if (known !== undefined) return known;
  const { ca, fingerprint } = trust;
  const authorities = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
  const context = createSecureContext({
    minVersion: "TLSv1.2",
    ...(fingerprint === undefined ? authorities : { ca: [] }),
  });
  contexts.set(trust, context);
  return context;
}

function presentedBy(socket: TLSSocket): PresentedCertificate {
  const certificate: PeerCertificate = socket.getPeerCertificate();
  const error: unknown = socket.authorizationError;
  const fault =
    error === null || error === undefined
      ? undefined
      : String((error as { code?: unknown }).code ?? error);
  return {
    fingerprint: parseFingerprint(certificate.fingerprint256 ?? "") ?? "",
    names: (certificate.subjectaltname ?? "").replaceAll(/(?:DNS|IP Address):/g, "") || "no name",
    issuer: String(certificate.issuer?.CN ?? certificate.issuer?.O ?? "an unnamed issuer"),
    validFrom: Date.parse(certificate.valid_from),
    validTo: Date.parse(certificate.valid_to),
    fault,
  };
}

function tlsErrorOf(error: Error, where: string): MeanderError {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (code !== "EPROTO" && !code.startsWith("ERR_SSL")) return connectErrorOf(error, where);
  return new MeanderError("tls-missing", "what answers there does not speak TLS", {
    where,
    expected: "a site that was started with --tls",
    next: "use http:// and ws:// for a site without",
    cause: error,
  });
}
