/** The pages of a site in a browser: to whom they show a token, who may show them, and what runs in them. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { WebSocketServer } from "ws";
import { SiteClient } from "../../src/site/index.ts";
import { type Browser, openBrowser } from "../support/browser.ts";
import { type PageServer, servePages } from "../support/page-server.ts";
import { CHROMIUM, needs } from "../support/programs.ts";
import { SecureSession, type SecureSite } from "../support/secure-session.ts";
import { until } from "../support/wait.ts";

const skip = needs({ chromium: CHROMIUM });
const EVIL = "evil.example";
const FRIEND = "friend.example";
const CHANNEL = "news";

let session: SecureSession;
let north: SecureSite;
let south: SecureSite;
let token: string;
let browser: Browser;
let pages: PageServer;
/** A host that listens for tokens, and what it heard. */
let evil: WebSocketServer;
const heard: string[] = [];

before(async () => {
  if (skip !== false) return;
  session = await SecureSession.open();
  pages = await servePages();
  const embedder = `http://${FRIEND}:${pages.port}`;
  north = await session.site("north", {}, "--access", "tokens", "--allow-origin", embedder);
  token = (await readFile(north.tokenFile ?? "", "utf8")).trim();
  south = await session.site("south", { MEANDER_TOKEN: token }, "--join", north.url);
  browser = await openBrowser(
    `--host-resolver-rules=MAP ${EVIL} 127.0.0.1,MAP ${FRIEND} 127.0.0.1`,
  );
  evil = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  evil.on("connection", (socket, request) => {
    heard.push(request.url ?? "");
    socket.on("message", (bytes) => heard.push(String(bytes)));
  });
  await new SiteClient(north.url, { token }).publishData(CHANNEL);
});

after(async () => {
  evil?.close();
  await browser?.[Symbol.asyncDispose]();
  await pages?.[Symbol.asyncDispose]();
  await session?.[Symbol.asyncDispose]();
});

const evilAt = (): string => `${EVIL}:${(evil.address() as { port: number }).port}`;

/** Opens the player of north with the token in its tab. */
async function openPlayer(query: string): Promise<void> {
  await browser.page.goto(`${north.url}/player.html`);
  await browser.page.evaluate(`sessionStorage.setItem("meander-token", ${JSON.stringify(token)})`);
  await browser.page.goto(`${north.url}/player.html?channel=${CHANNEL}${query}`);
}

const stateIs = (wanted: string): Promise<unknown> =>
  until(`the player is ${wanted}`, async () => {
    return (
      (await browser.page.evaluate('document.querySelector("meander-player")?.state')) === wanted
    );
  });

test("[A29] a link does not make the player show its token to another host", { skip }, async () => {
  for (const site of [
    `ws://${evilAt()}`,
    `http://${evilAt()}/link`,
    `${north.url},ws://${evilAt()}`,
    `ws://127.0.0.1@${evilAt()}`,
  ]) {
    heard.length = 0;
    await openPlayer(`&site=${encodeURIComponent(site)}`);
    await until(`the page says so: ${site}`, async () =>
      /No token is shown to/.test(String(await browser.page.evaluate("document.body.innerText"))),
    );
    for (const part of token.split("."))
      assert.equal(
        heard.some((each) => each.includes(part)),
        false,
        site,
      );
  }
});

test("[A29] the page's own site and those of its session are shown the token", {
  skip,
}, async () => {
  await openPlayer("");
  await stateIs("live");
  await openPlayer(`&site=${encodeURIComponent(south.url)}`);
  await stateIs("live");
});

test("[A28] no page shows the console, and only allowed ones the player", { skip }, async () => {
  const frame = (src: string): string => `<iframe src="${src}"></iframe>`;
  pages.add("/console.html", frame(`${north.url}/`));
  pages.add("/player.html", frame(`${north.url}/player.html`));
  const shows = async (host: string, page: string, selector: string): Promise<boolean> => {
    await browser.page.goto(`http://${host}:${pages.port}${page}`, { waitUntil: "load" });
    const inner = browser.page.frames()[1];
    await inner?.waitForLoadState("load").catch(() => {});
    return (
      (await inner
        ?.locator(selector)
        .count()
        .catch(() => 0)) === 1
    );
  };
  assert.equal(await shows(EVIL, "/console.html", "#console"), false);
  assert.equal(await shows(FRIEND, "/console.html", "#console"), false);
  assert.equal(await shows(EVIL, "/player.html", "meander-player"), false);
  assert.equal(await shows(FRIEND, "/player.html", "meander-player"), true);
});

/** Tries to run scripts that are not the site's, in the three ways that a page could be made to. */
const attempt = (url: string): string => `(async () => {
  document.body.insertAdjacentHTML("beforeend", '<img src="data:," onerror="window.ran = 1">');
  for (const fill of [
    (script) => { script.textContent = "window.ran = 2"; },
    (script) => { script.src = ${JSON.stringify(url)}; },
  ]) {
    const script = document.createElement("script");
    fill(script);
    document.body.append(script);
    await new Promise((resolve) => {
      script.onload = script.onerror = resolve;
      setTimeout(resolve, 500);
    });
  }
  return window.ran ?? "nothing";
})()`;

test("[A28] nothing runs in a page but the site's own scripts", { skip }, async () => {
  pages.add("/evil.js", "window.ran = 3");
  pages.add("/plain.html", "<p>a page without a policy</p>");
  const evilScript = `http://${EVIL}:${pages.port}/evil.js`;
  await browser.page.goto(`http://${EVIL}:${pages.port}/plain.html`);
  assert.equal(await browser.page.evaluate(attempt(evilScript)), 3, "the attempt is one");
  for (const path of ["/", "/player.html"]) {
    await browser.page.goto(`${north.url}${path}`);
    assert.equal(await browser.page.evaluate(attempt(evilScript)), "nothing", path);
  }
});
