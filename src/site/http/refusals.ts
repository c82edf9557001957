import { LIMITS, MeanderError } from "../../base/index.ts";
import { errorResponse, type HttpResponse } from "./messages.ts";

/** A stranger's request has a body, which is not read. */
export function unclaimed(error: MeanderError): HttpResponse {
  // [A11] The token was not looked at: another one would fare no better.
  if (error.code === "token-throttled") return errorResponse(429, error);
  const { headers, ...answer } = errorResponse(401, error);
  return { ...answer, headers: { ...headers, "www-authenticate": 'Bearer realm="Meander"' } };
}

export function tooLarge(): HttpResponse {
  const expected = `at most ${LIMITS.bodyBytesMax} bytes`;
  return errorResponse(
    413,
    new MeanderError("body-too-large", "the request body is too large", { expected }),
  );
}

export function overloaded(): HttpResponse {
  const next = "try again in a second";
  return errorResponse(
    503,
    new MeanderError("overloaded", "too many requests wait for their answer", { next }),
  );
}

/** An address makes too many requests without a token. */
export function throttled(): HttpResponse {
  return errorResponse(
    429,
    new MeanderError("requests-throttled", "too many requests without a token from that address", {
      expected: `at most ${LIMITS.strangerRequestRateMax} a second`,
      next: "try again in a second, or show a token",
    }),
  );
}

export function spent(): HttpResponse {
  return errorResponse(
    503,
    new MeanderError("overloaded", "the site has no descriptors left", {
      next: "try another site, or raise its limit of open files",
    }),
  );
}

export function late(): HttpResponse {
  const what = `the site did not answer within ${LIMITS.requestMsMax} ms`;
  return errorResponse(503, new MeanderError("overloaded", what, { next: "see the site's log" }));
}

/** The site has a fault; its log says which. */
export function failed(): HttpResponse {
  const next = "see the site's log";
  return errorResponse(500, new MeanderError("internal", "the site failed to answer", { next }));
}

/** A port with TLS was spoken to in plain HTTP. */
export function tlsRequired(): HttpResponse {
  return errorResponse(
    400,
    new MeanderError("tls-required", "this port speaks HTTPS", {
      expected: "an address that begins with https:// or wss://",
      next: "use it instead of http:// or ws://",
    }),
  );
}
