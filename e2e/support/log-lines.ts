import assert from "node:assert/strict";

/** Checks what a site wrote on standard error: each line that is JSON has every key once, and names the site that speaks. */
export function checkLogLines(site: string, text: string): void {
  // The last line may be cut off by the end of its process.
  for (const line of text.split("\n").slice(0, -1)) {
    if (!line.startsWith('{"level":')) continue;
    const fields = JSON.parse(line) as Record<string, unknown>;
    assert.equal(JSON.stringify(fields), line, "no key is there twice");
    assert.equal(fields["site"], site);
  }
}
