import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom, VirtualClock } from "../base/index.ts";
import { SiteList } from "./site-list.ts";

function rig(sites: readonly string[], fallbacks: readonly string[] = [], seed = 1) {
  const clock = new VirtualClock();
  const list = new SiteList({ sites, fallbacks, clock, random: new SeededRandom(seed) });
  /** The next ones, as soon as they are due. */
  const next = (count: number, connected: readonly string[] = []): (string | undefined)[] =>
    Array.from({ length: count }, () => {
      while (!list.isDue) clock.advance(10);
      return list.next((url) => connected.includes(url));
    });
  return { clock, list, next };
}

test("[W24] sites are tried in the order that was told, each once before any twice", () => {
  const { list, next } = rig(["home"]);
  assert.deepEqual(next(1), ["home"]);
  list.served("home");
  list.learn(["c", "a", "b"], ["home"]);
  assert.deepEqual(list.all, ["home", "c", "a", "b"]);
  assert.deepEqual(next(6), ["c", "a", "b", "home", "c", "a"]);
});

test("[W24] a site that was left is not the next one, and the list of the new one counts", () => {
  const { list, next } = rig(["home"]);
  next(1);
  list.served("home");
  list.learn(["c", "a"], ["home"]);
  assert.deepEqual(next(1), ["c"]);
  list.served("c");
  list.learn(["a", "home", "d"], ["c"]);
  assert.deepEqual(next(3), ["home", "a", "d"], "the page's own site stays first");
});

test("a round is tried without waiting, and the next ones with growing pauses, until a site serves the channel", () => {
  const { clock, list, next } = rig(["a", "b", "c"]);
  next(2);
  assert.equal(clock.now(), 0);
  next(30);
  assert.ok(clock.now() > 20_000, `${clock.now()} ms`);
  while (!list.isDue) clock.advance(10);
  list.served("b");
  const at = clock.now();
  assert.deepEqual(next(2), ["a", "c"]);
  assert.equal(clock.now(), at);
});

test("[W24] until a site has told its list, a crowd goes to the other sites by chance", () => {
  const firsts = new Map<string, number>();
  for (let seed = 0; seed < 400; seed++) {
    const { next } = rig(["home"], ["a", "b", "c", "d"], seed);
    const [home, first = ""] = next(2);
    assert.equal(home, "home");
    firsts.set(first, (firsts.get(first) ?? 0) + 1);
  }
  for (const name of ["a", "b", "c", "d"]) assert.ok((firsts.get(name) ?? 0) > 60, name);
});
