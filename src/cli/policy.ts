import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { text as readAll } from "node:stream/consumers";
import type { Command } from "commander";
import type { PolicyView } from "../agent/index.ts";
import { MeanderError } from "../base/index.ts";
import { parseJson } from "../session/index.ts";
import { type SiteArguments, withSite } from "./arguments.ts";
import { authorOf, withAuthor } from "./author.ts";
import { withShell } from "./shell-of.ts";
import { openTerminal, type Paint } from "./terminal.ts";

const SCOPES = "session, sites/NAME or streams/NAME";
const NONE = "no rules that you may see: each stream is its owner's";

interface SetArguments extends SiteArguments {
  readonly author?: string;
}

/** `meander policy set|clear|show` */
export function addPolicy(program: Command): void {
  const policy = program
    .command("policy")
    .description("who may do what with streams: rules, or code that judges");
  const set = policy
    .command("set")
    .description(
      "replace the policy of a scope: rules, of which the first that matches decides, or code",
    )
    .argument("<scope>", SCOPES)
    .argument(
      "<file>",
      "JSON file with a list of rules, - for standard input; or a .ts, .js or .mjs file with a judge handler",
    );
  withSite(withAuthor(set)).action(async (scope: string, file: string, options: SetArguments) => {
    const terminal = openTerminal(options.json === true);
    const checked = parseScope(scope);
    const text = await readPolicy(file);
    if (/\.(ts|js|mjs)$/.test(file)) {
      const code = { source: text, file: basename(file) };
      const signing = await authorOf(options);
      await withShell(options, (shell) => shell.setPolicy(checked, code, signing));
      return terminal.show({ scope: checked, file: code.file }, () => "done");
    }
    const rules = parseRules(text, file);
    await withShell(options, (shell) => shell.setPolicy(checked, rules));
    terminal.show({ scope: checked, rules: rules.length }, () => "done");
  });
  withSite(
    policy
      .command("clear")
      .description("remove the policy of a scope: it says nothing any more")
      .argument("<scope>", SCOPES),
  ).action(async (scope: string, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const checked = parseScope(scope);
    await withShell(options, (shell) => shell.setPolicy(checked, []));
    terminal.show({ scope: checked, rules: 0 }, () => "done");
  });
  withSite(
    policy.command("show").description("print the policies in force").argument("[scope]", SCOPES),
  ).action(async (scope: string | undefined, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const wanted = scope === undefined ? undefined : parseScope(scope);
    const all = await withShell(options, (shell) => shell.policies());
    const shown = wanted === undefined ? all : { [wanted]: all[wanted] ?? [] };
    terminal.show(shown, () => formatPolicies(shown, terminal.paint));
  });
}

/** A scope of rules; `site/NAME` and `stream/NAME` are accepted, too. @throws {MeanderError} `arguments-invalid` */
export function parseScope(text: string): string {
  if (text === "session") return text;
  const match = /^(site|stream)s?[/:]([^\s/:]+)$/.exec(text);
  if (match !== null) return `${match[1]}s/${match[2]}`;
  throw new MeanderError("arguments-invalid", `got ${JSON.stringify(text)}`, {
    where: "argument <scope>",
    expected: SCOPES,
  });
}

/** A list in JSON; the session checks its elements. @throws {MeanderError} `config-invalid` */
export function parseRules(text: string, file: string): readonly unknown[] {
  const expected = 'a list of rules, such as [{"effect": "deny", "actions": ["move"]}]';
  const rules = parseJson(text, file, expected);
  if (Array.isArray(rules)) return rules;
  throw new MeanderError("config-invalid", "not a list", { where: file, expected });
}

async function readPolicy(file: string): Promise<string> {
  try {
    return file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
  } catch (cause) {
    throw new MeanderError("config-invalid", "the file cannot be read", {
      where: file,
      expected: "a JSON, TypeScript or JavaScript file, or -",
      cause,
    });
  }
}

/** Scopes with their policies, one rule a line. */
export function formatPolicies(
  policies: Readonly<Record<string, PolicyView>>,
  paint: Paint,
): string {
  const scopes = Object.entries(policies);
  if (scopes.every(([, policy]) => isEmpty(policy))) return NONE;
  return scopes
    .map(([scope, policy]) => [paint("bold", scope), ...linesOf(policy)].join("\n  "))
    .join("\n");
}

function linesOf(policy: PolicyView): string[] {
  if ("code" in policy) {
    const { code, file = "", author } = policy;
    const by = author === undefined ? "" : `signed by ${author}`;
    return [["code", code.slice(0, 12), file, by].filter((part) => part !== "").join(" ")];
  }
  return isEmpty(policy) ? ["no rules"] : policy.map((rule) => JSON.stringify(rule));
}

function isEmpty(policy: PolicyView): boolean {
  return Array.isArray(policy) && policy.length === 0;
}
