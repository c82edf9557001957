import { z } from "zod";
import { MeanderError } from "../../base/index.ts";
import { fromBase64Url, toBase64Url } from "./base64url.ts";
import { authorSchema, type Envelope, type EnvelopeClaims, signedText } from "./envelope.ts";

/** Signs what its owner uploads. */
export interface Author {
  /** `ed25519:` and the public key in base64url. */
  readonly id: string;
  /** An envelope for a source. */
  vouch(source: string, claims: Omit<EnvelopeClaims, "sha256">): Promise<Envelope>;
}

/** A key pair as JSON Web Key (RFC 8037), as its file has it. */
const jwkSchema = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  d: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});
type Jwk = z.infer<typeof jwkSchema>;

const ALGORITHM = "Ed25519";
type SigningKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** The key of an author, in a browser or in Node: Ed25519, by Web Crypto. */
export class AuthorKey implements Author {
  readonly id: string;
  readonly #key: SigningKey;

  private constructor(id: string, key: SigningKey) {
    this.id = id;
    this.#key = key;
  }

  /** Makes a key. @returns the text of its file, which is a secret */
  static async create(): Promise<string> {
    const pair = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const { privateKey } = pair as Exclude<typeof pair, SigningKey>;
    const jwk = jwkSchema.parse(await crypto.subtle.exportKey("jwk", privateKey));
    return `${JSON.stringify(jwk)}\n`;
  }

  /**
   * Reads what {@link create} made. What the text says stays out of errors.
   *
   * @param where what is read, for errors
   * @throws {MeanderError} `author-key-invalid`
   */
  static async read(text: string, where: string): Promise<AuthorKey> {
    const jwk = parseJwk(text);
    try {
      if (jwk === undefined) throw new Error("no Ed25519 key as JWK");
      const key = await crypto.subtle.importKey("jwk", jwk, ALGORITHM, false, ["sign"]);
      const { x, ...shown } = jwk;
      const half = { kty: shown.kty, crv: shown.crv, x };
      const known = await crypto.subtle.importKey("jwk", half, ALGORITHM, false, ["verify"]);
      const probe = new TextEncoder().encode("meander author key 1");
      const proof = await crypto.subtle.sign(ALGORITHM, key, probe);
      if (!(await crypto.subtle.verify(ALGORITHM, known, proof, probe)))
        throw new Error("its halves do not belong together");
      return new AuthorKey(authorSchema.parse(`ed25519:${x}`), key);
    } catch {
      throw new MeanderError("author-key-invalid", "it has no key of an author", {
        where,
        expected: "a file that `meander author create` made",
      });
    }
  }

  async vouch(source: string, claims: Omit<EnvelopeClaims, "sha256">): Promise<Envelope> {
    const bytes = new TextEncoder().encode(source);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const envelope = { ...claims, sha256, author: this.id };
    const text = new TextEncoder().encode(signedText(envelope));
    const signature = new Uint8Array(await crypto.subtle.sign(ALGORITHM, this.#key, text));
    return { ...envelope, signature: toBase64Url(signature) };
  }
}

function parseJwk(text: string): Jwk | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const jwk = jwkSchema.safeParse(value).data;
  return jwk !== undefined && fromBase64Url(jwk.x) !== undefined ? jwk : undefined;
}
