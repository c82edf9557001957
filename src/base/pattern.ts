/** Whether `text` matches a pattern, in which `*` stands for any part. Takes time linear in both for each `*`. */
export function matchesPattern(pattern: string, text: string): boolean {
  if (pattern === "*") return true;
  const star = pattern.indexOf("*");
  if (star < 0) return text === pattern;
  // Most patterns are settled by what stands before their first star.
  if (!text.startsWith(pattern.slice(0, star))) return false;
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop() ?? "";
  if (text.length < first.length + last.length) return false;
  if (!text.endsWith(last)) return false;
  const end = text.length - last.length;
  let from = first.length;
  for (const part of rest) {
    const at = text.indexOf(part, from);
    if (at < 0 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}
