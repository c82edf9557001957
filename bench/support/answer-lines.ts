import { createInterface } from "node:readline";

/** What a program does for a line: the first word says which, the second is a number. */
export type Answers = Readonly<Record<string, (argument: number) => object | Promise<object>>>;

/**
 * Answers each line on standard input with one of JSON, and ends with that; the other side of `Child`. `cpu` is answered with
 * this process's CPU seconds so far.
 *
 * @param first printed at once
 */
export function answerLines(first: object, answers: Answers): void {
  print(first);
  createInterface({ input: process.stdin })
    .on("line", (line) => void answer(line, answers))
    .on("close", () => process.exit(0));
}

async function answer(line: string, answers: Answers): Promise<void> {
  const [word = "", argument = "0"] = line.split(" ");
  const { system, user } = process.cpuUsage();
  if (word === "cpu") print({ cpuSeconds: (user + system) / 1e6 });
  else print((await answers[word]?.(Number(argument))) ?? {});
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
