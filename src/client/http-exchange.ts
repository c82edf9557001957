import { type ClientRequest, request } from "node:http";
import { SystemClock } from "../base/index.ts";
import { type TlsTrust, tlsConnector } from "../transport/index.ts";

/** A request to a site. */
export interface ExchangeRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  /** How an `https:` site is trusted. */
  readonly trust?: TlsTrust | undefined;
}

/** Its answer. */
export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

const clock = new SystemClock();

/**
 * Sends a request over a connection of its own, and reads the whole answer. Rejects with what went wrong below HTTP.
 */
export function exchange(url: string, asked: ExchangeRequest): Promise<ExchangeAnswer> {
  const { method, headers, body, trust } = asked;
  const { protocol, hostname, port, pathname, search } = new URL(url);
  const isSecure = protocol === "https:";
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const number = port === "" ? (isSecure ? 443 : 80) : Number(port);
  const secure = isSecure
    ? { createConnection: tlsConnector({ host, port: number }, { trust, clock }) }
    : { agent: false };
  return new Promise((resolve, reject) => {
    const outgoing: ClientRequest = request({
      ...{ host, port: number, method, path: `${pathname}${search}`, ...secure },
      headers: {
        ...headers,
        host: new URL(url).host,
        connection: "close",
        ...(body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` }),
      },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const parts: Buffer[] = [];
      response.on("error", reject);
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts).toString("utf8"),
        }),
      );
    });
    outgoing.end(body);
  });
}
