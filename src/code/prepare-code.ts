import { assert, LIMITS, MeanderError } from "../base/index.ts";
import { encodeCode, hashOf } from "./code-blob.ts";
import { CodeError, type Upload } from "./code-error.ts";
import { CODE_KINDS, type CodeKind, type CodeKindName } from "./code-kinds.ts";
import type { CodeSource } from "./code-source.ts";
import { confineText, isConfined } from "./confined-text.ts";
import { applyEdits } from "./edit.ts";
import { languageNames } from "./language-names.ts";
import { hasDefaultExport, readModuleSyntax } from "./module-syntax.ts";
import { type ParsedModule, parseModule } from "./parse-module.ts";
import type { PreparedCode } from "./prepared-code.ts";
import { isJavaScript, stripTypes, tooDeep } from "./strip-types.ts";

/**
 * Checks source code of a kind and rewrites it into an expression that executors evaluate. Evaluates nothing.
 *
 * The expression keeps the lines of the source, and its columns except where a line imports, exports or contains a text
 * that compartments refuse. The same source gives the same code on every site.
 *
 * @throws {CodeError} `code-syntax`, `code-import`, `code-export`, `code-free-variable`, `code-forbidden`; each says
 *   where
 * @throws {MeanderError} `code-too-large`
 */
export async function prepareCode(
  kindName: CodeKindName,
  { source, file }: CodeSource,
): Promise<PreparedCode> {
  const kind: CodeKind = CODE_KINDS[kindName];
  return prepare({ text: source, file: file ?? kind.file, prefix: "", kind });
}

async function prepare(upload: Upload): Promise<PreparedCode> {
  const { text, file } = upload;
  const bytes = new TextEncoder().encode(text).byteLength;
  if (bytes > LIMITS.agentCodeBytesMax) {
    throw new MeanderError("code-too-large", `the source has ${bytes} bytes`, {
      where: file,
      expected: `at most ${LIMITS.agentCodeBytesMax} bytes`,
    });
  }
  let expression: string;
  try {
    expression = rewrite(read(upload), upload);
  } catch (cause) {
    throw cause instanceof RangeError ? tooDeep(upload, cause) : cause;
  }
  return preparedOf(expression, text);
}

/** Code that was prepared, elsewhere perhaps, with its hash. */
export async function preparedOf(expression: string, source: string): Promise<PreparedCode> {
  return { sha256: await hashOf(encodeCode({ expression, source })), expression, source };
}

function read(upload: Upload): ParsedModule {
  return upload.kind.form === "function" ? readFunction(upload) : readModule(upload);
}

function readModule(upload: Upload): ParsedModule {
  const code = isJavaScript(upload.file) ? upload.prefix + upload.text : stripTypes(upload);
  return parseModule(code, upload);
}

function readFunction(upload: Upload): ParsedModule {
  const asModule = attempt(() => readModule(upload));
  if (!(asModule instanceof CodeError) && hasDefaultExport(asModule.program)) return asModule;
  const asExpression = attempt(() => readModule({ ...upload, prefix: "export default " }));
  if (!(asExpression instanceof CodeError)) return asExpression;
  if (!(asModule instanceof CodeError)) {
    throw asModule.fault("code-export", "not a function", 0, {
      expected: upload.kind.example,
    });
  }
  // A text with `export` is meant to be a module.
  throw /\bexport\b/.test(upload.text) ? asModule : asExpression;
}

function attempt<T>(task: () => T): T | CodeError {
  try {
    return task();
  } catch (error) {
    if (error instanceof CodeError) return error;
    throw error;
  }
}

/**
 * The module as one expression. The language's names are parameters: looking one up in a compartment takes fifty times
 * as long.
 */
function rewrite(module: ParsedModule, { file, kind }: Upload): string {
  const { edits, definers, result } = readModuleSyntax(module);
  const names = languageNames(module).join(", ");
  const body = applyEdits(module.code, [...edits, ...confineText(module)]);
  const definitions = definers.map((name) => `const ${name} = (definition) => definition; `);
  const expression = `(function (${names}) { "use strict"; ${definitions.join("")}${body}
//# sourceURL=${sourceUrl(file, kind)}
return ${result};
})(${names})`;
  assert(isConfined(expression), "prepared code contains no text that a compartment refuses");
  return expression;
}

/**
 * A file's name as stack traces show it: without its folders, so that the hash does not depend on where it was uploaded
 * from.
 */
function sourceUrl(file: string, kind: CodeKind): string {
  const name = file.split(/[/\\]/).at(-1) ?? "";
  return name.replaceAll(/[^A-Za-z0-9_.@-]/g, "_") || kind.file;
}
