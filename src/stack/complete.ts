import { CATALOGUE } from "./catalogue.ts";
import { formatStack } from "./format.ts";
import { parseStack } from "./parse.ts";

/**
 * [S11] The stack that is meant by `text`: packets of every size must pass, so a transport that does not take them
 * (`udp`) gets `frag` above it where nothing in the stack splits packets yet. `udp` becomes `frag:udp`.
 *
 * @throws {StackError} as parseStack does
 */
export function completeStack(text: string): string {
  const { modules, transport } = parseStack(text);
  const provides = [
    ...modules.map(({ name }) => CATALOGUE.modules[name]),
    CATALOGUE.transports[transport.name],
  ].flatMap((spec) => spec?.provides ?? []);
  if (provides.includes("any-size")) return formatStack({ modules, transport });
  return formatStack({ modules: [...modules, { name: "frag", parameters: {} }], transport });
}
