import { CATALOGUE } from "./catalogue.ts";
import { formatStack } from "./format.ts";
import { type LayerSpec, parseStack, type StackSpec } from "./parse.ts";

/**
 * [S11] The complete stack for `text`: packets of every size must pass, so a stack that does not accept them gets
 * `frag` on top: `udp` becomes `frag:udp`. Where it has to be private and no module in it makes it so, `crypt` is put
 * directly above the transport and the local modules (`fault`, `trace`) over that: `frag:crypt:udp`.
 *
 * @throws {StackError} as parseStack does
 */
export function completeStack(
  text: string,
  options: { readonly isPrivate?: boolean } = {},
): string {
  const { modules, transport } = parseStack(text);
  const layers = [...modules];
  if (options.isPrivate === true && !provides({ modules, transport }, "private")) {
    const firstLocal = layers.findLastIndex(({ name }) => !isLocal(name)) + 1;
    layers.splice(firstLocal, 0, plain("crypt"));
  }
  if (!provides({ modules, transport }, "any-size")) layers.unshift(plain("frag"));
  return formatStack({ modules: layers, transport });
}

/** Whether only the peer can read what goes over a stack. @throws {StackError} as parseStack does */
export function isPrivateStack(text: string): boolean {
  return provides(parseStack(text), "private");
}

function provides({ modules, transport }: StackSpec, property: string): boolean {
  return (
    CATALOGUE.transports[transport.name]?.provides.includes(property) === true ||
    modules.some(({ name }) => CATALOGUE.modules[name]?.provides.includes(property))
  );
}

function isLocal(name: string): boolean {
  return CATALOGUE.modules[name]?.local === true;
}

function plain(name: string): LayerSpec {
  return { name, parameters: {} };
}
