import { readFileSync } from "node:fs";
import { MeanderError } from "../base/index.ts";
import { findLocalSite, findLocalToken, type SiteCredentials, trustOf } from "../client/index.ts";

/** Options for what a verb presents to a site, and how it trusts it. */
export interface CredentialArguments {
  readonly tokenFile?: string;
  readonly ca?: string;
  readonly fingerprint?: string;
  /** Address of the site that was asked where the named one is: they are of one session, so its token is shown. */
  readonly askedAt?: string;
}

/** Where a token comes from when no option says. */
export const TOKEN_VARIABLE = "MEANDER_TOKEN";

/**
 * What a verb presents to the site at `url`, and how it trusts it: by its options; else by the environment
 * (MEANDER_TOKEN, MEANDER_CA, MEANDER_FINGERPRINT); else by what a site of this user on this machine has published.
 *
 * A token is never an argument: other users of the machine can see arguments.
 *
 * @param options always: a token that was found is presented to a site that requires none, too
 * @throws {MeanderError} `arguments-invalid`, `config-invalid`
 */
export function credentialsOf(
  url: string,
  { tokenFile, ca, fingerprint, askedAt = url }: CredentialArguments,
  { always = false }: { readonly always?: boolean } = {},
): SiteCredentials {
  const local = URL.canParse(askedAt) ? findLocalSite(askedAt) : undefined;
  const given = tokenFile === undefined ? variable(TOKEN_VARIABLE) : readTokenFile(tokenFile);
  const isWanted = local !== undefined && (local.asks || always);
  const found = isWanted && given === undefined ? findLocalToken(local) : undefined;
  const authorities = ca ?? variable("MEANDER_CA");
  const print = fingerprint ?? variable("MEANDER_FINGERPRINT");
  const isTold = authorities !== undefined || print !== undefined;
  const shown = isTold ? print : (local?.fingerprint ?? undefined);
  return { token: given ?? found, trust: trustOf({ ca: authorities, fingerprint: shown }) };
}

/** A variable of the environment; undefined when it is empty. */
export function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}

/** The token in a file; `-` is standard input. @throws {MeanderError} `arguments-invalid` */
export function readTokenFile(file: string): string {
  let text = "";
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8").trim();
  } catch (cause) {
    throw new MeanderError("arguments-invalid", "the file cannot be read", {
      where: `argument --token-file ${file}`,
      expected: "a file with a token, or -",
      cause,
    });
  }
  if (text !== "" && !/\s/.test(text)) return text;
  throw new MeanderError("arguments-invalid", "the file does not contain a token", {
    where: `argument --token-file ${file}`,
    expected: "a file with one token and nothing else",
  });
}
