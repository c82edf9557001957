import { assert, LIMITS, MeanderError } from "../base/index.ts";
import type { AgentModule } from "./agent-module.ts";
import { encodeCode, hashOf } from "./code-blob.ts";
import { CodeError, type Upload } from "./code-error.ts";
import { confineText, isConfined } from "./confined-text.ts";
import { applyEdits } from "./edit.ts";
import { languageNames } from "./language-names.ts";
import { hasDefaultExport, readModuleSyntax } from "./module-syntax.ts";
import { type ParsedModule, parseModule } from "./parse-module.ts";
import type { PreparedCode } from "./prepared-code.ts";
import { stripTypes, tooDeep } from "./strip-types.ts";

/**
 * A module as code that executors evaluate. Evaluates nothing.
 *
 * The expression has the module's lines, and its columns except where a line imports, exports or has a text that compartments refuse. The
 * same module gives the same code everywhere.
 *
 * @throws {CodeError} `code-syntax`, `code-import`, `code-export`, `code-free-variable`, `code-forbidden`; each says where
 * @throws {MeanderError} `code-too-large`
 */
export async function prepareAgent({ source, file = "agent" }: AgentModule): Promise<PreparedCode> {
  return prepare({ text: source, file, prefix: "" }, readModule);
}

/**
 * The same for one handler: the text of a function expression, or of a module whose default export it is.
 *
 * @param where stands for the file in errors
 * @throws {MeanderError} as {@link prepareAgent}
 */
export async function prepareHandler(source: string, where: string): Promise<PreparedCode> {
  return prepare({ text: source, file: where, prefix: "" }, readHandler);
}

async function prepare(
  upload: Upload,
  read: (upload: Upload) => ParsedModule,
): Promise<PreparedCode> {
  const { text, file } = upload;
  const bytes = new TextEncoder().encode(text).byteLength;
  if (bytes > LIMITS.agentCodeBytesMax) {
    throw new MeanderError("code-too-large", `it has ${bytes} bytes`, {
      where: file,
      expected: `at most ${LIMITS.agentCodeBytesMax} bytes`,
    });
  }
  let expression: string;
  try {
    expression = rewrite(read(upload), file);
  } catch (cause) {
    throw cause instanceof RangeError ? tooDeep(upload, cause) : cause;
  }
  return {
    sha256: await hashOf(encodeCode({ expression, source: text })),
    expression,
    source: text,
  };
}

function readModule(upload: Upload): ParsedModule {
  const isJavaScript = /\.[cm]?js$/.test(upload.file);
  return parseModule(isJavaScript ? upload.prefix + upload.text : stripTypes(upload), upload);
}

function readHandler(upload: Upload): ParsedModule {
  const asModule = attempt(() => readModule(upload));
  if (!(asModule instanceof CodeError) && hasDefaultExport(asModule.program)) return asModule;
  const asExpression = attempt(() => readModule({ ...upload, prefix: "export default " }));
  if (!(asExpression instanceof CodeError)) return asExpression;
  if (!(asModule instanceof CodeError)) {
    throw asModule.fault("code-export", "it is no function", 0, {
      expected: "(ctx, argument) => …, or a module whose default export is one",
    });
  }
  // Whoever writes `export` means a module.
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

/** The module as one expression. The language's names are parameters: a compartment takes fifty times as long to look one up. */
function rewrite(module: ParsedModule, file: string): string {
  const { edits, definers, result } = readModuleSyntax(module);
  const names = languageNames(module).join(", ");
  const body = applyEdits(module.code, [...edits, ...confineText(module)]);
  const definitions = definers.map((name) => `const ${name} = (definition) => definition; `);
  const expression = `(function (${names}) { "use strict"; ${definitions.join("")}${body}
//# sourceURL=${sourceUrl(file)}
return ${result};
})(${names})`;
  assert(isConfined(expression), "a compartment takes prepared code");
  return expression;
}

/** A file's name as stacks show it: without its folders, so that code has the same hash wherever it is uploaded from. */
function sourceUrl(file: string): string {
  const name = file.split(/[/\\]/).at(-1) ?? "";
  return name.replaceAll(/[^A-Za-z0-9_.@-]/g, "_") || "agent";
}
