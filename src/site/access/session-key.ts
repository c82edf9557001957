import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT } from "jose";
import { z } from "zod";
import { LIMITS, MeanderError } from "../../base/index.ts";
import type { AccessPolicy } from "../../session/index.ts";
import type { Grant } from "./grant.ts";
import { writeSecret } from "./secret-file.ts";
import { ALGORITHM, TOKEN_TYPE } from "./token-verifier.ts";

const jwkSchema = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string(),
  d: z.string(),
});
type PrivateJwk = z.infer<typeof jwkSchema>;

/** Name of its file, in the leader's folder. */
const FILE = "access-key.json";

/** [A2] The key of a session, with which its leader signs tokens. Its private half stays in the leader's folder. */
export class SessionKey {
  /** Its public half, which the other sites know. */
  readonly public: AccessPolicy["key"];
  readonly #jwk: PrivateJwk;

  private constructor(jwk: PrivateJwk, id: string) {
    this.public = { id, x: jwk.x };
    this.#jwk = jwk;
  }

  /**
   * Reads the key of a leader's folder, or makes one.
   *
   * @throws {MeanderError} `access-key-invalid`
   */
  static async open(folder: string): Promise<SessionKey> {
    const file = join(folder, FILE);
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw keyInvalid(file, error.message, error);
    });
    const jwk = text === undefined ? await makeKey() : parseKey(text, file);
    if (text === undefined) await writeSecret(file, `${JSON.stringify(jwk)}\n`);
    return new SessionKey(jwk, await calculateJwkThumbprint(jwk));
  }

  /** Makes a token. @throws {MeanderError} `token-too-large` */
  async sign(grant: Grant & { readonly createdAt: number }): Promise<string> {
    const { id, name, can, channels, streams, sites, notBefore, expiresAt, createdAt, via } = grant;
    const scopes = {
      ...(streams.length === 0 ? {} : { streams }),
      ...(sites.length === 0 ? {} : { sites }),
    };
    const from = via === undefined ? {} : { via };
    const token = await new SignJWT({ can, channels, ...scopes, ...from })
      .setProtectedHeader({ alg: ALGORITHM, typ: TOKEN_TYPE, kid: this.public.id })
      .setJti(id)
      .setSubject(name)
      .setIssuedAt(Math.floor(createdAt / 1000))
      .setNotBefore(Math.floor(notBefore / 1000))
      .setExpirationTime(Math.floor(expiresAt / 1000))
      .sign(await importJWK(this.#jwk, ALGORITHM));
    if (token.length <= LIMITS.tokenCharactersMax) return token;
    throw new MeanderError("token-too-large", `the token would have ${token.length} characters`, {
      expected: `at most ${LIMITS.tokenCharactersMax}`,
      next: "name fewer channels, streams and sites, or patterns such as sports/*",
    });
  }
}

async function makeKey(): Promise<PrivateJwk> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  return jwkSchema.parse(await exportJWK(privateKey));
}

function parseKey(text: string, file: string): PrivateJwk {
  try {
    return jwkSchema.parse(JSON.parse(text));
  } catch (cause) {
    // The contents of the file stay out of the message.
    throw keyInvalid(file, "it is no Ed25519 key as JWK", cause);
  }
}

function keyInvalid(file: string, why: string, cause: unknown): MeanderError {
  return new MeanderError("access-key-invalid", `the session's key cannot be read: ${why}`, {
    where: file,
    next: "restore the file; without it a new key is made, and tokens issued so far are no longer valid",
    cause,
  });
}
