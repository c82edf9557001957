import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { demoClipPath } from "../../src/media/index.ts";
import { connect, publishFile } from "../../src/site/index.ts";
import { openBrowser } from "../support/browser.ts";
import {
  GuardedSession,
  noAddress,
  publishMessages,
  refusalOf,
} from "../support/guarded-session.ts";
import { playerStats } from "../support/player.ts";
import { CHROMIUM, needs } from "../support/programs.ts";
import { credentialsAt, publicKeyHash } from "../support/secure-session.ts";
import { Viewer } from "../support/viewer.ts";
import { until } from "../support/wait.ts";

const guarded = GuardedSession.use();

test("watching and publishing need a token for the channel, unless it is public", {
  skip: noAddress,
}, async () => {
  const studio = await guarded.tokenFor({ can: ["publish"], channels: ["sports/*", "open/*"] });
  const alice = await guarded.tokenFor({ can: ["watch"], channels: ["sports/*"] });
  const publishers = await Promise.all(
    ["sports/a", "open/a"].map((name) => publishMessages(guarded.north, name, studio.text)),
  );
  try {
    for (const site of [guarded.north, guarded.south]) {
      using good = await Viewer.open(
        site.url,
        "sports/a",
        "alice",
        credentialsAt(site, alice.text),
      );
      using anybody = await Viewer.open(site.url, "open/a", "anybody", credentialsAt(site));
      await until(
        `messages at ${site.name}`,
        () => good.messages.length > 2 && anybody.messages.length > 2,
      );
      using stranger = await Viewer.open(site.url, "sports/a", "stranger", credentialsAt(site));
      using elsewhere = await Viewer.open(
        site.url,
        "news",
        "alice",
        credentialsAt(site, alice.text),
      );
      using odd = await Viewer.open(site.url, "open/a", "odd", credentialsAt(site, "odd"));
      await until("refusals", () =>
        [stranger, elsewhere, odd].every((each) => refusalOf(each) !== undefined),
      );
      assert.equal(refusalOf(stranger), "token-required");
      assert.equal(refusalOf(elsewhere), "token-denied");
      assert.match(refusalOf(odd) ?? "", /token-malformed|token-throttled/);
      assert.equal(stranger.received.length + elsewhere.received.length + odd.received.length, 0);
    }
  } finally {
    await Promise.all(publishers.map((each) => each.close()));
  }
});

test("when a token expires, viewers, publishers and shells under it are disconnected with the reason", {
  skip: noAddress,
}, async () => {
  const studio = await guarded.tokenFor({ can: ["publish"], channels: ["sports/b"] });
  const publisher = await publishMessages(guarded.north, "sports/b", studio.text);
  const brief = await guarded.tokenFor({ can: ["administer"], expiresInMs: 4_000 });
  try {
    using viewer = await Viewer.open(
      guarded.south.url,
      "sports/b",
      "bob",
      credentialsAt(guarded.south, brief.text),
    );
    const own = await publishMessages(guarded.south, "sports/c", brief.text);
    const shell = await connect(guarded.north.url, credentialsAt(guarded.north, brief.text));
    await until("messages", () => viewer.messages.length > 3);
    assert.equal(refusalOf(viewer), undefined);
    await until("the viewer is refused", () => refusalOf(viewer) === "token-expired");
    const count = viewer.messages.length;
    assert.match(String(await shell.closed), /the token expired/);
    assert.equal((await own.ended)?.code, "token-expired");
    assert.equal(viewer.messages.length, count);
    const { snapshot } = await guarded.boss.channel("sports/c");
    assert.deepEqual(snapshot?.inputs.filter(({ kind }) => kind === "data") ?? [], []);
  } finally {
    await publisher.close();
  }
});

test("a revoked token ends what runs under it at all sites within two seconds", {
  skip: noAddress,
}, async () => {
  const studio = await guarded.tokenFor({ can: ["publish"], channels: ["sports/d"] });
  const carol = await guarded.tokenFor({ name: "carol", can: ["watch"], channels: ["sports/*"] });
  const dave = await guarded.tokenFor({ name: "dave", can: ["watch"], channels: ["sports/*"] });
  const publisher = await publishMessages(guarded.north, "sports/d", studio.text);
  using here = await Viewer.open(
    guarded.north.url,
    "sports/d",
    "carol",
    credentialsAt(guarded.north, carol.text),
  );
  using there = await Viewer.open(
    guarded.south.url,
    "sports/d",
    "carol",
    credentialsAt(guarded.south, carol.text),
  );
  using other = await Viewer.open(
    guarded.south.url,
    "sports/d",
    "dave",
    credentialsAt(guarded.south, dave.text),
  );
  await until("messages", () => [here, there, other].every(({ messages }) => messages.length > 3));
  // At a member, not the leader.
  const revoked = await guarded.session.verb([
    "token",
    "revoke",
    "--name",
    "carol",
    "--json",
    "--site",
    guarded.south.url,
  ]);
  assert.equal(revoked.code, 0, revoked.stderr);
  const at = performance.now();
  await until("both are refused", () =>
    [here, there].every((each) => refusalOf(each) === "token-revoked"),
  );
  assert.ok(performance.now() - at < 2_000, `${performance.now() - at} ms`);
  const count = other.messages.length;
  await until("more messages for the other", () => other.messages.length > count + 3);
  assert.equal(refusalOf(other), undefined);
  await guarded.boss.revokeTokens({ id: studio.id });
  assert.equal((await publisher.ended)?.code, "token-revoked");
});

test("a browser plays with a token, and without one says why it does not", {
  skip: noAddress || needs({ chromium: CHROMIUM }),
}, async () => {
  const studio = await guarded.tokenFor({ can: ["publish"], channels: ["sports/clip"] });
  const eve = await guarded.tokenFor({ name: "eve", can: ["watch"], channels: ["sports/*"] });
  const options = { site: guarded.north.url, channel: "sports/clip", loop: true };
  const publisher = await publishFile(demoClipPath(), {
    ...options,
    ...credentialsAt(guarded.north, studio.text),
  });
  const hash = publicKeyHash(
    await readFile(join(guarded.session.folder, "south", "tls-cert.pem"), "utf8"),
  );
  await using browser = await openBrowser(`--ignore-certificate-errors-spki-list=${hash}`);
  const { page } = browser;
  try {
    await page.goto(`${guarded.south.url}/player.html?channel=sports/clip`);
    await page.waitForSelector(".token-form input");
    const notice = page.locator("meander-player .notice");
    assert.match(
      (await notice.textContent()) ?? "",
      /requires a token.*this site requires a token/s,
    );
    assert.equal(await page.evaluate("isSecureContext"), true);
    await page.fill(".token-form input", eve.text);
    await page.click(".token-form button");
    await until(
      "the picture moves",
      async () => (Number((await playerStats(page))["framesPresented"]) || 0) > 30,
    );
    assert.equal(page.url().includes(eve.text), false);
    await guarded.boss.revokeTokens({ name: "eve" });
    await until("it says why it stopped", async () =>
      /was revoked/.test((await notice.textContent()) ?? ""),
    );
    // The console asks for one too, and shows the session when it is right.
    await page.evaluate("sessionStorage.clear()");
    await page.goto(`${guarded.south.url}/`);
    await page.waitForSelector(".token-form input");
    await page.fill(".token-form input", guarded.secrets[0] ?? "");
    await page.click(".token-form button");
    await page.waitForSelector("[data-site=south]");
    await until(
      "the prompt is gone",
      async () => (await page.locator(".token-form").count()) === 0,
    );
    assert.deepEqual(browser.errors, []);
  } finally {
    await publisher.close();
  }
});

guarded.testSecrets();
