/**
 * Asks `ask` until it answers something other than undefined or false. Rejects with what was waited for after
 * `withinMs`.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 20_000,
): Promise<T> {
  const end = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Error(`${what} did not come true within ${withinMs} ms`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
