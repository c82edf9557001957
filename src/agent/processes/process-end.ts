/** What is known of a process that has ended. */
export interface ProcessEnd {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** Why the site killed it; undefined: the site did not. */
  readonly killedFor: string | undefined;
  /** Whether it had used up its memory, as far as that shows. */
  readonly isOutOfMemory: boolean;
  /** What the engine wrote last about itself; at most 200 printable characters. */
  readonly lastWords: string | undefined;
  /** Memory of its own when the site looked last, MiB. */
  readonly memoryMb: number | undefined;
}

/** Signals of an engine that gives up by itself. */
const ABORTS = ["SIGABRT", "SIGTRAP", "SIGILL", "SIGBUS", "SIGSEGV"];
const MEMORY_WORDS =
  /out of memory|heap limit|allocation failed|bad_alloc|commit|cannot allocate|invalid (array|table|string) (length|size)|invalid table size/i;
const WORDS_MAX = 200;

/** What standard error tells of the end: the engine's own line about it. */
export function lastWordsIn(standardError: string): string | undefined {
  const lines = standardError.split("\n");
  const line =
    lines.find((each) => /FATAL ERROR|Fatal|Assertion|terminate called/.test(each)) ??
    lines.find((each) => /\S/.test(each));
  if (line === undefined) return undefined;
  const printable = line.replaceAll(/[^\x20-\x7e]/g, " ").trim();
  return printable === "" ? undefined : printable.slice(0, WORDS_MAX);
}

/** Whether an end that the site did not cause was one for want of memory. */
export function isForMemory(signal: string | undefined, words: string | undefined): boolean {
  if (signal !== undefined && !ABORTS.includes(signal)) return false;
  return words !== undefined && MEMORY_WORDS.test(words);
}

/** How it ended, for people: `its process ended (SIGABRT): out of memory`. */
export function wordsOf(end: ProcessEnd): string {
  if (end.killedFor !== undefined) return end.killedFor;
  const how = end.signal ?? `exit code ${end.code}`;
  const why = end.isOutOfMemory ? "out of memory" : end.lastWords;
  return `its process ended (${how})${why === undefined ? "" : `: ${why}`}`;
}
