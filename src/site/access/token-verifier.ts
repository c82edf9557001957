import { compactVerify, decodeProtectedHeader, errors, importJWK } from "jose";
import { LIMITS } from "../../base/index.ts";
import type { AccessPolicy } from "../../session/index.ts";
import type { TokenFault } from "./access-errors.ts";
import { claimsSchema, type Grant } from "./grant.ts";

type Key = Awaited<ReturnType<typeof importJWK>>;

/** [A2] The only algorithm: a token that names another is forged. */
export const ALGORITHM = "EdDSA";
/** Three parts in base64url (RFC 7515 §3.1); an unsigned token has an empty third one. */
const COMPACT = /^[\w-]+\.[\w-]*\.[\w-]*$/;
/** The type in the header of a token. */
export const TOKEN_TYPE = "JWT";

/** Checks the signatures of tokens, and caches the valid ones. */
export class TokenVerifier {
  readonly #good = new Map<string, Grant>();
  readonly #checking = new Map<string, Promise<Grant | TokenFault>>();
  #id = "";
  #key: Promise<Key> | undefined;

  /** Sets the key. */
  setKey({ id, x }: AccessPolicy["key"]): void {
    if (id === this.#id) return;
    this.#id = id;
    this.#key = importJWK({ kty: "OKP", crv: "Ed25519", x }, ALGORITHM);
    // The next check reports it.
    this.#key.catch(() => {});
    this.#good.clear();
  }

  /** A grant whose token was checked before. */
  known(token: string): Grant | undefined {
    const grant = this.#good.get(token);
    if (grant === undefined) return undefined;
    // To the end of the map: its first entry is the one that was asked for longest ago.
    this.#good.delete(token);
    this.#good.set(token, grant);
    return grant;
  }

  /** Whether no further token can be checked now. */
  get isBusy(): boolean {
    return this.#checking.size >= LIMITS.tokenChecksMax;
  }

  /** Whether a text cannot be a token: that is seen without checking a signature. */
  isUnreadable(token: string): boolean {
    if (token.length > LIMITS.tokenCharactersMax || !COMPACT.test(token)) return true;
    try {
      decodeProtectedHeader(token);
      return false;
    } catch {
      return true;
    }
  }

  /** Checks a signature, off this thread. Never rejects. */
  verify(token: string): Promise<Grant | TokenFault> {
    const running = this.#checking.get(token);
    if (running !== undefined) return running;
    const checking = this.#verify(token, this.#id, this.#key).finally(() =>
      this.#checking.delete(token),
    );
    this.#checking.set(token, checking);
    return checking;
  }

  async #verify(
    token: string,
    id: string,
    key: Promise<Key> | undefined,
  ): Promise<Grant | TokenFault> {
    if (token.length > LIMITS.tokenCharactersMax || key === undefined) return "token-malformed";
    let kid: string | undefined;
    try {
      ({ kid } = decodeProtectedHeader(token));
    } catch {
      return "token-malformed";
    }
    try {
      const options = { algorithms: [ALGORITHM] };
      const { payload, protectedHeader } = await compactVerify(token, await key, options);
      // Signed by the session's key, but not as one of its tokens.
      if (protectedHeader.typ !== TOKEN_TYPE || kid !== id) return "token-forged";
      const claims: unknown = JSON.parse(new TextDecoder().decode(payload));
      const parsed = claimsSchema.safeParse(claims);
      if (!parsed.success) return "token-malformed";
      if (id === this.#id) this.#remember(token, parsed.data);
      return parsed.data;
    } catch (error) {
      if (error instanceof errors.JWSInvalid || error instanceof SyntaxError)
        return "token-malformed";
      // A token that names another key is of another session, or might as well be.
      return kid !== undefined && kid !== id && /^[A-Za-z0-9_-]{43}$/.test(kid)
        ? "token-foreign"
        : "token-forged";
    }
  }

  #remember(token: string, grant: Grant): void {
    this.#good.set(token, grant);
    if (this.#good.size <= LIMITS.tokenCacheMax) return;
    const [oldest] = this.#good.keys();
    if (oldest !== undefined) this.#good.delete(oldest);
  }
}
