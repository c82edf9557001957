import type { Node } from "acorn";
import { analyze } from "periscopic";

/** A name that a program uses and does not declare, at its first use. */
export interface FreeVariable {
  readonly name: string;
  /** UTF-16 units from the start of the text. */
  readonly offset: number;
}

/** The free variables of a program, in the order of their first uses. */
export function freeVariables(program: Node): FreeVariable[] {
  const { globals } = analyze(scopeView(program) as unknown as Parameters<typeof analyze>[0]);
  return [...globals]
    .map(([name, node]) => ({ name, offset: (node as unknown as Node).start }))
    .sort((left, right) => left.offset - right.offset);
}

type Fields = Record<string, unknown> & { readonly type: string };

/**
 * The same scopes in syntax that the analysis knows: the name of a class expression, `arguments`, and the scope of a
 * static block become those of functions.
 */
function scopeView(node: Node): Fields {
  const view: Fields = { ...(node as unknown as Fields) };
  for (const [key, value] of Object.entries(view)) {
    if (Array.isArray(value))
      (view as Record<string, unknown>)[key] = value.map((each) =>
        isNode(each) ? scopeView(each) : each,
      );
    else if (isNode(value)) (view as Record<string, unknown>)[key] = scopeView(value);
  }
  switch (node.type) {
    case "FunctionDeclaration":
    case "FunctionExpression":
      return { ...view, params: [...(view["params"] as unknown[]), ARGUMENTS] };
    case "StaticBlock":
      return functionAround(null, { ...view, type: "BlockStatement" });
    case "ClassExpression":
      return view["id"] === null ? view : functionAround(view["id"], { ...view, id: null });
    case "MetaProperty":
      return { type: "Literal" };
    default:
      return view;
  }
}

const ARGUMENTS = { type: "Identifier", name: "arguments" };

function functionAround(id: unknown, body: Fields): Fields {
  return { type: "FunctionExpression", id, params: [], body };
}

function isNode(value: unknown): value is Node {
  return (
    typeof value === "object" && value !== null && typeof (value as Partial<Node>).type === "string"
  );
}
