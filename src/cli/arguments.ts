import type { Command } from "commander";
import { DURATION_EXPECTED, MeanderError, parseDuration } from "../base/index.ts";
import { SiteClient } from "../client/index.ts";
import { type CredentialArguments, credentialsOf, variable } from "./credentials.ts";

/** Where the first site of a machine is. */
const FIRST_SITE = "http://127.0.0.1:7000";

/** The default of `--site`. */
export function defaultSite(): string {
  return variable("MEANDER_SITE") ?? FIRST_SITE;
}

/** Options of verbs that talk to a site. */
export interface SiteArguments extends CredentialArguments {
  readonly site: string;
  readonly json?: boolean;
}

/** Adds `--site`, `--json`, and the options for credentials. */
export function withSite(command: Command): Command {
  return command
    .option(
      "--site <address>",
      "address of the site to talk to, or its name in the session at the default address (the variable MEANDER_SITE)",
      defaultSite(),
    )
    .option(
      "--token-file <file>",
      "file with the token to present, - for standard input (the variable MEANDER_TOKEN, or that of a site of this machine)",
    )
    .option("--ca <file>", "for https: authorities to trust, in PEM (the usual ones)")
    .option(
      "--fingerprint <sha256>",
      "for https: the one certificate to trust, as the site prints it",
    )
    .option("--json", "print JSON");
}

/** The client of the site that `--site` names. */
export function clientOf(options: SiteArguments): SiteClient {
  return new SiteClient(options.site, credentialsOf(options.site, options));
}

/** A whole number in an argument. @throws {MeanderError} `arguments-invalid` */
export function wholeNumber(
  text: string | undefined,
  argument: string,
  least: number,
  most: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new MeanderError("arguments-invalid", `got ${JSON.stringify(text)}`, {
    where: `argument ${argument}`,
    expected: `a whole number from ${least} to ${most}`,
  });
}

/** What a suffix multiplies a rate by. */
const RATE_UNITS: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9 };

/** A rate in an argument, such as `1.2M`, in bits per second. @throws {MeanderError} `arguments-invalid` */
export function bitRateOf(text: string, argument: string): number {
  const [, number = "", unit = ""] = /^(\d{1,9}(?:\.\d{1,6})?)([kMG]?)$/.exec(text) ?? [];
  const rate = Number(number) * (RATE_UNITS[unit] as number);
  if (rate > 0) return rate;
  throw new MeanderError("arguments-invalid", `got ${JSON.stringify(text)}`, {
    where: `argument ${argument}`,
    expected: "bits per second, such as 45k, 1.2M or 1000000",
  });
}

/** A duration in an argument, ms. @throws {MeanderError} `arguments-invalid` */
export function durationOf(text: string, argument: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new MeanderError("arguments-invalid", `got ${JSON.stringify(text)}`, {
    where: `argument ${argument}`,
    expected: DURATION_EXPECTED,
  });
}

/** A number of seconds in an argument, with fractions, as ms. @throws {MeanderError} `arguments-invalid` */
export function secondsOf(
  text: string | undefined,
  argument: string,
  least: number,
  most: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value * 1000;
  throw new MeanderError("arguments-invalid", `got ${JSON.stringify(text)}`, {
    where: `argument ${argument}`,
    expected: `seconds from ${least} to ${most}`,
  });
}

/** Collects the values of a repeated option. */
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
