/**
 * The player in pages that no site serves: by the README's script element, and as a module that a bundler puts into a
 * program.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { publishFile, startSite } from "../src/site/index.ts";
import { type Browser, openBrowser } from "./support/browser.ts";
import { type PageServer, servePages } from "./support/page-server.ts";
import { playerStats } from "./support/player.ts";
import { writePlayerProject } from "./support/player-project.ts";
import { CHROMIUM, needs } from "./support/programs.ts";
import { until } from "./support/wait.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Names that lead to this machine in the test's browser alone. */
const [FRIEND, STRANGER] = ["friend.pages.example", "stranger.example"];

const skip = needs({ chromium: CHROMIUM });
const release: (() => PromiseLike<unknown>)[] = [];

let pages: PageServer;
let browser: Browser;
/** A site as `meander site` starts it, and one that also allows the pages of the friend. */
let plain: string;
let friendly: string;

before(async () => {
  if (skip !== false) return;
  pages = await servePages();
  browser = await openBrowser(
    `--host-resolver-rules=MAP ${FRIEND} 127.0.0.1,MAP ${STRANGER} 127.0.0.1`,
    // Browsers decode video only in secure pages, which those of this machine are, and those of other names are not.
    `--unsafely-treat-insecure-origin-as-secure=${[FRIEND, STRANGER].map(pageOf).join()}`,
  );
  release.push(
    () => browser[Symbol.asyncDispose](),
    () => pages[Symbol.asyncDispose](),
  );
  plain = await openSite("plain", []);
  friendly = await openSite("friendly", [`http://*.pages.example:${pages.port}`]);
});

after(async () => {
  for (const each of release.reverse()) await each();
});

test("the README's two lines show the channel in a page that another server of the machine serves", {
  skip,
}, async () => {
  pages.add("/readme.html", readmePage(plain));
  for (const host of ["127.0.0.1", "localhost"]) {
    await browser.page.goto(`http://${host}:${pages.port}/readme.html`);
    await pictureMoves();
  }
});

test("the README's two lines show the channel in a page of an origin that was allowed", {
  skip,
}, async () => {
  pages.add("/friend.html", readmePage(friendly));
  await browser.page.goto(`${pageOf(FRIEND)}/friend.html`);
  await pictureMoves();
});

test("a page of an origin that was not allowed gets neither script nor link, and the player says so", {
  skip,
}, async () => {
  const { page } = browser;
  pages.add("/stranger.html", readmePage(friendly));
  await page.goto(`${pageOf(STRANGER)}/stranger.html`);
  assert.equal(await page.evaluate(defined()), false, "the script is refused");

  // With a player of its own, such as one from a bundler.
  pages.add("/player.js", await (await fetch(`${plain}/meander-player.js`)).text());
  pages.add(
    "/own.html",
    `<!doctype html><script type="module" src="/player.js"></script>${element(friendly)}`,
  );
  await page.goto(`${pageOf(STRANGER)}/own.html`);
  const expected = `${new URL(friendly).host} does not allow pages from ${pageOf(STRANGER)}`;
  assert.equal(await until("the reason", () => notice(expected)), expected);
  const { framesPresented } = await playerStats(page);
  assert.equal(framesPresented, 0);
  // Between two refusals it connects again.
  await until("a refusal", async () => {
    return (await page.evaluate(`document.querySelector("meander-player").state`)) === "refused";
  });
});

test("the player is a module with types that a bundler puts into a program", { skip }, async () => {
  const folder = await writePlayerProject(ROOT);
  release.push(() => rm(folder, { recursive: true, force: true }));
  const tsc = spawnSync(
    process.execPath,
    [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", folder],
    {
      encoding: "utf8",
    },
  );
  assert.equal(tsc.status, 0, tsc.stdout + tsc.stderr);
  await build({ root: folder, configFile: false, logLevel: "error" });
  await using built = await servePages(join(folder, "dist"));
  const { page } = browser;
  await page.goto(`http://localhost:${built.port}/?site=${plain}`);
  await pictureMoves();
  assert.match(await page.innerText("#status"), /^[1-9]\d* frames, live$/);
});

async function openSite(name: string, allowOrigin: readonly string[]): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), "meander-embed-"));
  const site = await startSite({ name, httpPort: 0, data, allowOrigin });
  const clip = join(ROOT, "media/clip.mp4");
  const publication = await publishFile(clip, { site: site.url, channel: "clip", loop: true });
  release.push(async () => {
    await publication.close();
    await site.stop();
    await rm(data, { recursive: true, force: true });
  });
  return site.url;
}

function pageOf(host: string): string {
  return `http://${host}:${pages.port}`;
}

function readmePage(site: string): string {
  const script = `<script type="module" src="${site}/meander-player.js"></script>`;
  return `<!doctype html>\n${script}\n${element(site)}`;
}

function element(site: string): string {
  return `<meander-player site="${site}" channel="clip" overlay></meander-player>`;
}

function defined(): string {
  return `customElements.get("meander-player") !== undefined`;
}

async function pictureMoves(): Promise<void> {
  await until("a moving picture", async () => {
    return ((await playerStats(browser.page))["framesPresented"] ?? 0) > 20;
  });
}

/** What the player says in the middle of its screen, once it is `expected`. */
async function notice(expected: string): Promise<string | undefined> {
  const text = (await browser.page.evaluate(
    `document.querySelector("meander-player").shadowRoot.querySelector(".title").textContent`,
  )) as string;
  return text === expected ? text : undefined;
}
