/** What the tests of prepared code share. */
import { prepareCode } from "./prepare-code.ts";

/** The value of a module's prepared code in a compartment. */
export async function preparedValue(source: string, file = "agent.ts"): Promise<unknown> {
  const { expression } = await prepareCode("agent", { source, file });
  return evaluated(expression);
}

/** The value of prepared code in a compartment. */
export function evaluated(expression: string): unknown {
  return new Compartment({ __options__: true }).evaluate(expression);
}

/** The default export of a module as the runtime itself evaluates it. */
export async function exported(source: string): Promise<unknown> {
  const url = `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`;
  return ((await import(url)) as { default: unknown }).default;
}
