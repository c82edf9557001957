const STATUS: Readonly<Record<string, 401 | 403 | 404 | 409 | 429 | 500 | 503>> = {
  "token-required": 401,
  "token-malformed": 401,
  "token-forged": 401,
  "token-foreign": 401,
  "token-early": 401,
  "token-expired": 401,
  "token-revoked": 401,
  "token-denied": 403,
  "token-throttled": 429,
  "token-unknown": 404,
  "tokens-exhausted": 409,
  "channel-unknown": 404,
  "input-unknown": 404,
  "output-unknown": 404,
  "site-unknown": 404,
  "path-unknown": 404,
  "port-in-use": 409,
  "publisher-exists": 409,
  "port-refused": 403,
  "input-foreign": 403,
  "inputs-exhausted": 409,
  "channel-not-described": 409,
  "demo-refused": 409,
  "restart-refused": 409,
  internal: 500,
  "config-not-applied": 503,
  "plane-failed": 503,
  "plane-closed": 503,
  "admission-refused": 503,
  overloaded: 503,
};

/** The HTTP status for an error's code; 503 when the directory failed, 400 when the client did. */
export function statusOf(code: string): 400 | 401 | 403 | 404 | 409 | 429 | 500 | 503 {
  return STATUS[code] ?? (code.startsWith("directory-") ? 503 : 400);
}
