/** What is known of a process that has ended. */
export interface ProcessEnd {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** Why the site killed it; undefined: the site did not. */
  readonly killedFor: string | undefined;
  /** Whether it had used up its memory. `perhaps`: its engine failed, as it also does for want of memory. */
  readonly outOfMemory: "yes" | "perhaps" | "no";
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
    lines.find((each) => /^\s*[A-Za-z]/.test(each));
  if (line === undefined) return undefined;
  const printable = line.replaceAll(/[^\x20-\x7e]/g, " ").trim();
  return printable === "" ? undefined : printable.slice(0, WORDS_MAX);
}

/** Whether an end that the site did not cause was one for want of memory. */
export function outOfMemoryBy(
  signal: string | undefined,
  words: string | undefined,
): ProcessEnd["outOfMemory"] {
  if (signal === undefined || !ABORTS.includes(signal)) return "no";
  if (words !== undefined && MEMORY_WORDS.test(words)) return "yes";
  // An assertion says what it is about.
  return words === undefined ? "perhaps" : "no";
}

/** How it ended, for people: `its process ended (SIGABRT): out of memory, bound 64 MiB (limits.memoryMb)`. */
export function wordsOf(end: ProcessEnd, memoryMb: number): string {
  if (end.killedFor !== undefined) return end.killedFor;
  const how = `its process ended (${end.signal ?? `exit code ${end.code}`})`;
  const bound = `bound ${memoryMb} MiB (limits.memoryMb)`;
  switch (end.outOfMemory) {
    case "yes":
      return `${how}: out of memory, ${bound}`;
    case "perhaps":
      return `${how}: the engine failed, perhaps out of memory, ${bound}`;
    case "no":
      return end.lastWords === undefined ? how : `${how}: ${end.lastWords}`;
  }
}
