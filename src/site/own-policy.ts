import { readFile } from "node:fs/promises";
import type { PolicyUpload } from "../agent/index.ts";
import { MeanderError } from "../base/index.ts";
import { parsePolicy } from "../session/index.ts";

/** The policy that a site starts with: rules, or code. @throws {MeanderError} `config-invalid` */
export async function readOwnPolicy(path: string): Promise<readonly unknown[] | PolicyUpload> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new MeanderError("config-invalid", "the file cannot be read", {
      where: `argument --policy ${path}`,
      expected: "a JSON file with rules, or a .ts, .js or .mjs file with a judge handler",
      cause,
    });
  }
  const policy = parsePolicy(text, path);
  return "source" in policy ? { ...policy, file: policy.file, briefcase: undefined } : policy;
}

/**
 * What keeps a site from starting with its policy, with the file's name: no site runs without the policy that it was
 * told to have.
 */
export function ownPolicyRefused(path: string, error: unknown): unknown {
  if (!(error instanceof MeanderError)) return error;
  const { code, what, where, expected, next } = error;
  return new MeanderError(code, where === undefined ? what : `${where}: ${what}`, {
    where: `argument --policy ${path}`,
    ...(expected === undefined ? {} : { expected }),
    next: next ?? "correct the file, and start the site again",
    cause: error,
  });
}
