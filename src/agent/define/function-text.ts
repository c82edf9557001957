import { type Expression, parseExpressionAt } from "acorn";
import { MeanderError } from "../../base/index.ts";

/** What the runtime can read; newer syntax would be refused only at the sites. */
const ECMA_VERSION = 2024;

/**
 * The text of a function as one expression: a method becomes a function, the rest stays as it was written.
 *
 * @param where which handler, for errors
 * @throws {MeanderError} `agent-invalid` for functions without text (native, bound), generators, accessors and classes
 */
// biome-ignore lint/complexity/noBannedTypes: any function, of which only the text matters
export function functionText(fn: Function, where: string): string {
  const text = Function.prototype.toString.call(fn);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) {
    throw unfit("it is bound or built in, and has no text", where);
  }
  const asExpression = parse(text);
  if (asExpression !== undefined) {
    switch (asExpression.type) {
      case "ArrowFunctionExpression":
        return text;
      case "FunctionExpression":
        if (asExpression.generator) throw unfit("it is a generator", where);
        return text;
      case "ClassExpression":
        throw unfit("it is a class", where);
      default:
        break;
    }
  }
  return methodText(text, where);
}

/** `async append(ctx) {}` as `async function (ctx) {}`. */
function methodText(text: string, where: string): string {
  const object = parse(`{${text}}`);
  const [method] = object?.type === "ObjectExpression" ? object.properties : [];
  if (method?.type !== "Property" || method.value.type !== "FunctionExpression") {
    throw unfit("its text is not a function", where);
  }
  if (method.kind !== "init") throw unfit("it is an accessor", where);
  if (method.value.generator) throw unfit("it is a generator", where);
  const { start, async } = method.value;
  // Offsets count the parenthesis of `parse` and the brace.
  const rest = text.slice(start - 2);
  const expression = `${async ? "async " : ""}function ${rest}`;
  if (parse(expression) === undefined) throw unfit("it uses super", where);
  return expression;
}

/** The expression that the whole text is, in parentheses. */
function parse(text: string): Expression | undefined {
  try {
    return parseExpressionAt(`(${text}\n)`, 0, { ecmaVersion: ECMA_VERSION });
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

function unfit(what: string, where: string): MeanderError {
  return new MeanderError("agent-invalid", what, {
    where,
    expected: "an arrow function, a function or a method that is written in the program",
    next: "its text is sent to the site",
  });
}
