import type { ExportDefaultDeclaration, ImportDeclaration, Node, Program } from "acorn";
import type { Edit } from "./edit.ts";
import { blanked, type ParsedModule, walk } from "./parse-module.ts";

/** A module as the body of a function. */
export interface ModuleBody {
  /** Turn the module into it; lines stay. */
  readonly edits: readonly Edit[];
  /** Local names of the kind's definer. */
  readonly definers: readonly string[];
  /** Name of the constant that holds its default export. */
  readonly result: string;
}

/**
 * Removes imports and exports from a module.
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
          `${module.kind.noun} may only have a default export`,
          statement.start,
          {
            next: "remove `export` here",
          },
        );
      default:
    }
  }
  const exported = program.body.find(isDefaultExport);
  if (exported === undefined) {
    throw module.fault("code-export", "no default export", 0, {
      expected: module.kind.example,
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
  const { kind } = module;
  const from = String(statement.source.value);
  const refuse = (what: string, offset: number, next: string) =>
    module.fault("code-import", what, offset, { next });
  if (!kind.packages.includes(from)) {
    throw refuse(
      `${kind.noun} cannot import ${JSON.stringify(from)}`,
      statement.start,
      kind.advice.import,
    );
  }
  return statement.specifiers.map((specifier) => {
    const { imported } = specifier as { imported?: { name?: string; value?: unknown } };
    const name =
      specifier.type === "ImportSpecifier" ? (imported?.name ?? imported?.value) : undefined;
    if (name !== kind.definer) {
      throw refuse(
        `${kind.noun} can import only ${kind.definer} from ${JSON.stringify(from)}`,
        specifier.start,
        "for types, use `import type`",
      );
    }
    return specifier.local.name;
  });
}

/** Makes the default export a constant, or keeps its declaration. */
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
  const result = unusedName(code);
  // As long as `export default`, so that columns stay. What was a function declaration needs a semicolon.
  const edits = [{ ...head, text: `const ${result} =` }];
  if (isDeclaration) edits.push({ start: exported.end, end: exported.end, text: ";" });
  return { edits, result };
}

/** A name that the code does not contain, found in one pass. */
function unusedName(code: string): string {
  let longest = -1;
  for (const [, more = ""] of code.matchAll(/\$value(_*)/g))
    longest = Math.max(longest, more.length);
  return `$value${"_".repeat(longest + 1)}`;
}

function refuseReachingOut(module: ParsedModule): void {
  const { noun, advice } = module.kind;
  walk(module.program, (node, around) => {
    switch (node.type) {
      case "ImportExpression":
        throw module.fault("code-import", `${noun} cannot import`, node.start, {
          next: advice.import,
        });
      case "MetaProperty":
        if ((node as Node & { meta: { name: string } }).meta.name !== "import") return;
        throw module.fault("code-import", `${noun} has no import.meta`, node.start, {
          next: advice.importMeta,
        });
      case "AwaitExpression":
      case "ForOfStatement":
        if (node.type === "ForOfStatement" && (node as Node & { await: boolean }).await !== true)
          return;
        if (around.some(({ type }) => type.includes("Function"))) return;
        throw module.fault("code-import", `${noun} cannot await at the top level`, node.start, {
          next: advice.await,
        });
      default:
    }
  });
}

function blank(code: string, range: { readonly start: number; readonly end: number }): Edit {
  const { start, end } = range;
  return { start, end, text: blanked(code.slice(start, end), [{ start: 0, end: end - start }]) };
}
