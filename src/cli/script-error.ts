import { isAbsolute, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { MeanderError, messageOf } from "../base/index.ts";
import type { SourceFault } from "./source-fault.ts";

/**
 * What a script did wrong, or did not handle. Keeps the code, and the parts, of a MeanderError that the script did not
 * catch.
 */
export class ScriptError extends MeanderError {
  /** Where in the script, for people; below the message. */
  readonly picture: string | undefined;

  constructor(
    code: string,
    what: string,
    details: {
      readonly where: string;
      readonly expected?: string | undefined;
      readonly next?: string | undefined;
      readonly picture?: string | undefined;
      readonly cause?: unknown;
    },
  ) {
    const { where, expected, next, picture, cause } = details;
    super(code, what, {
      where,
      ...(expected === undefined ? {} : { expected }),
      ...(next === undefined ? {} : { next }),
      ...(cause === undefined ? {} : { cause }),
    });
    this.name = "ScriptError";
    this.picture = picture;
  }
}

/** A script that is not a valid module. */
export function faultError(fault: SourceFault): ScriptError {
  return new ScriptError("script-invalid", fault.what, {
    where: `${displayed(fault.file)}:${fault.line}:${fault.column}`,
    picture: fault.picture === "" ? undefined : fault.picture,
  });
}

/**
 * What a script threw, with the places in it.
 *
 * @param script its file
 * @param internal folders of this package, whose frames do not help the script's author
 */
export function thrownError(
  thrown: unknown,
  script: string,
  internal: readonly string[],
): ScriptError {
  if (thrown instanceof ScriptError) return thrown;
  const frames = framesOf(thrown).filter(
    ({ file }) => !internal.some((folder) => isInside(file, folder)),
  );
  const own = frames.find(({ file }) => !file.includes(`${sep}node_modules${sep}`));
  const place =
    own === undefined ? displayed(script) : `${displayed(own.file)}:${own.line}:${own.column}`;
  const shown = framesToShow(frames, thrown);
  const picture =
    shown.length < 2
      ? undefined
      : shown
          .map(({ name, file, line, column }) => {
            const at = `${displayed(file)}:${line}:${column}`;
            return `    at ${name === "" ? at : `${name} (${at})`}`;
          })
          .join("\n");
  if (thrown instanceof MeanderError) {
    const { code, what, where, expected, next } = thrown;
    const said = where === undefined ? place : `${where}, asked for at ${place}`;
    return new ScriptError(code, what, { where: said, expected, next, picture, cause: thrown });
  }
  const name = thrown instanceof Error && thrown.name !== "Error" ? `${thrown.name}: ` : "";
  const what = thrown instanceof Error ? name + messageOf(thrown) : `it threw ${messageOf(thrown)}`;
  return new ScriptError("script-failed", what, { where: place, picture, cause: thrown });
}

/** Those from the fault to where the script was called; of other packages only those that the fault is in. */
function framesToShow(frames: readonly Frame[], thrown: unknown): readonly Frame[] {
  const isOwn = ({ file }: Frame): boolean => !file.includes(`${sep}node_modules${sep}`);
  const upToScript = frames.slice(0, frames.findLastIndex(isOwn) + 1);
  // What this package throws comes from its own dependencies at most.
  return thrown instanceof MeanderError ? upToScript.filter(isOwn) : upToScript;
}

/** One line of a stack. */
export interface Frame {
  /** Of the function; empty at the top of a module. */
  readonly name: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** The frames in files, innermost first; those of the runtime are left out. */
export function framesOf(thrown: unknown): Frame[] {
  if (!(thrown instanceof Error) || thrown.stack === undefined) return [];
  const frames: Frame[] = [];
  for (const line of thrown.stack.split("\n")) {
    const match = /^ +at (?:(.*) \()?((?:file:\/\/)?[^()]*?):(\d+):(\d+)\)?$/.exec(line);
    if (match === null) continue;
    const [, name = "", text = "", row, column] = match;
    const place = text.replace(/^async /, "");
    const file = place.startsWith("file:") ? fileURLToPath(place) : place;
    if (!isAbsolute(file)) continue;
    frames.push({
      name: name.replace(/^async /, ""),
      file: file.replace(/\?.*$/, ""),
      line: Number(row),
      column: Number(column),
    });
  }
  return frames;
}

function isInside(file: string, folder: string): boolean {
  return file.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** A path as short as it can be said from here. */
function displayed(file: string): string {
  const short = relative(process.cwd(), file);
  return short.startsWith("..") || short === "" ? file : short;
}
