import type { ExportDefaultDeclaration, ImportDeclaration, Node, Program } from "acorn";
import type { Edit } from "./edit.ts";
import { blanked, type ParsedModule, walk } from "./parse-module.ts";

/** Modules whose `defineAgent` an agent may import; it is known without them. */
const OWN_MODULES = new Set(["meander", "meander/agent", "meander/shell"]);

/** A module as the body of a function. */
export interface ModuleBody {
  /** What makes it one; same lines. */
  readonly edits: readonly Edit[];
  /** Names that stand for `defineAgent`. */
  readonly definers: readonly string[];
  /** Where its default export is kept. */
  readonly result: string;
}

/**
 * Takes imports and exports out of a module.
 *
 * @throws {CodeError} `code-import`, `code-export`
 */
export function readModuleSyntax(module: ParsedModule): ModuleBody {
  const { program } = module;
  refuseReachingOut(module);
  const edits: Edit[] = [];
  const definers: string[] = [];
  for (const statement of program.body) {
    switch (statement.type) {
      case "ImportDeclaration":
        definers.push(...importedDefiners(module, statement));
        edits.push(blank(module.code, statement));
        break;
      case "ExportNamedDeclaration":
      case "ExportAllDeclaration":
        throw module.fault(
          "code-export",
          "an agent exports nothing but its default",
          statement.start,
          {
            next: "remove `export` here; only the default export is read",
          },
        );
      default:
    }
  }
  const exported = program.body.find(isDefaultExport);
  if (exported === undefined) {
    throw module.fault("code-export", "it has no default export", 0, {
      expected: "export default defineAgent({ on: { … } })",
    });
  }
  const { edits: more, result } = keepDefault(module, exported);
  return { edits: [...edits, ...more], definers, result };
}

/** Whether a program has a default export. */
export function hasDefaultExport(program: Program): boolean {
  return program.body.some(isDefaultExport);
}

function isDefaultExport(node: Node): node is ExportDefaultDeclaration {
  return node.type === "ExportDefaultDeclaration";
}

function importedDefiners(module: ParsedModule, statement: ImportDeclaration): string[] {
  const from = String(statement.source.value);
  const refuse = (what: string, offset: number, next: string) =>
    module.fault("code-import", what, offset, { next });
  if (!OWN_MODULES.has(from)) {
    throw refuse(
      `an agent cannot import ${JSON.stringify(from)}`,
      statement.start,
      "write what it needs into its own module; for types alone, `import type`",
    );
  }
  return statement.specifiers.map((specifier) => {
    const { imported } = specifier as { imported?: { name?: string; value?: unknown } };
    const name =
      specifier.type === "ImportSpecifier" ? (imported?.name ?? imported?.value) : undefined;
    if (name !== "defineAgent") {
      throw refuse(
        `an agent can import nothing but defineAgent from ${JSON.stringify(from)}`,
        specifier.start,
        "for types, write `import type`",
      );
    }
    return specifier.local.name;
  });
}

/** The default export as a constant, or as the declaration that it is. */
function keepDefault(
  module: ParsedModule,
  exported: ExportDefaultDeclaration,
): Pick<ModuleBody, "edits" | "result"> {
  const { code, tokens } = module;
  const { declaration } = exported;
  const keyword = tokens.find(
    ({ start, type }) => start > exported.start && type.keyword === "default",
  );
  const head = { start: exported.start, end: keyword?.end ?? exported.start };
  const isDeclaration =
    declaration.type === "FunctionDeclaration" || declaration.type === "ClassDeclaration";
  if (isDeclaration && declaration.id !== null) {
    return { edits: [blank(code, head)], result: declaration.id.name };
  }
  let result = "$value";
  while (code.includes(result)) result += "_";
  // As long as `export default`, so that columns stay. A function that was a declaration needs an end.
  const edits = [{ ...head, text: `const ${result} =` }];
  if (isDeclaration) edits.push({ start: exported.end, end: exported.end, text: ";" });
  return { edits, result };
}

function refuseReachingOut(module: ParsedModule): void {
  walk(module.program, (node, around) => {
    switch (node.type) {
      case "ImportExpression":
        throw module.fault("code-import", "an agent cannot import", node.start, {
          next: "write what it needs into its own module",
        });
      case "MetaProperty":
        if ((node as Node & { meta: { name: string } }).meta.name !== "import") return;
        throw module.fault("code-import", "an agent has no import.meta", node.start, {
          next: "ctx.location and ctx.stream say where it is",
        });
      case "AwaitExpression":
      case "ForOfStatement":
        if (node.type === "ForOfStatement" && (node as Node & { await: boolean }).await !== true)
          return;
        if (around.some(({ type }) => type.includes("Function"))) return;
        throw module.fault("code-import", "an agent's module cannot wait", node.start, {
          next: "await inside handlers; `init` is the first",
        });
      default:
    }
  });
}

function blank(code: string, range: { readonly start: number; readonly end: number }): Edit {
  const { start, end } = range;
  return { start, end, text: blanked(code.slice(start, end), [{ start: 0, end: end - start }]) };
}
