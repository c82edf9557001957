// Runs alone: what it looks at changes while sites are taken for dead on a busy machine.
/**
 * What a newcomer sees: the lines of `npm start`, and the console it points to, on a desk, on a phone, and without a
 * mouse.
 *
 * With the variable MEANDER_PICTURE, the picture of the README is made anew and written to that file.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { type Browser, openBrowser } from "./support/browser.ts";
import { playerStats } from "./support/player.ts";
import { meander, type Running } from "./support/processes.ts";
import { CHROMIUM, needs } from "./support/programs.ts";
import { until } from "./support/wait.ts";

const DESKTOP = { width: 1440, height: 900 };
const PHONES = [
  { width: 360, height: 740 },
  { width: 390, height: 844 },
];

const skip = needs({ chromium: CHROMIUM });

let demo: Running;
let url: string;
/** What was on standard error when the demo said that it runs. */
let firstLines: string;
let browser: Browser;

before(async () => {
  if (skip !== false) return;
  demo = meander("demo", "--port", "7500");
  url = await demo.line((line) => /^ *console +(http:\S+)$/.exec(line)?.[1]);
  firstLines = demo.stderr();
  browser = await openBrowser();
});

after(async () => {
  await browser?.[Symbol.asyncDispose]();
  await demo?.stop();
});

test("npm start prints sentences for people, and no warning of what is normal", {
  skip,
}, async () => {
  assert.equal(firstLines, "");
  const lines = demo
    .stdout()
    .split("\n")
    .filter((line) => line.trim() !== "");
  assert.match(lines[0] ?? "", /^ {2}Meander is running: four sites on this machine/);
  for (const line of lines) assert.match(line, /^ {2,}\S/, "one block of indented lines");
  assert.match(lines.at(-1) ?? "", /Press Ctrl-C to stop\.$/);
});

test("the console fills a screen with the graph, the player, and what they say of the session", {
  skip,
}, async () => {
  const page = await open(DESKTOP);
  const bottoms = (await page.$$eval(".pane", (panes) =>
    panes.map((pane) => pane.getBoundingClientRect().bottom),
  )) as number[];
  assert.ok(Math.max(...bottoms) <= DESKTOP.height, "all panes are within the screen");
  const [view, cards] = await Promise.all([
    page.locator(".graph-view").boundingBox(),
    Promise.all((await page.locator("[data-site]").all()).map((card) => card.boundingBox())),
  ]);
  const [tops, ends] = [
    cards.map((box) => box?.y ?? 0),
    cards.map((box) => (box?.y ?? 0) + (box?.height ?? 0)),
  ];
  const used = (Math.max(...ends) - Math.min(...tops)) / (view?.height ?? Number.NaN);
  assert.ok(used > 0.7, `the sites use ${(used * 100).toFixed(0)} % of the graph's height`);
});

test("the console fits a phone: no part is wider than the screen", { skip }, async () => {
  for (const size of PHONES) {
    const page = await open(size);
    for (const tab of ["Overview", "Statistics", "Streams", "Audit"]) {
      await page.click(`[role=tab]:text-is("${tab}")`);
      const wide = await page.$$eval(
        "body *",
        (elements, width) =>
          elements
            .filter((element) => element.getBoundingClientRect().right > width + 0.5)
            // Headings of tables are there for screen readers alone.
            .filter((element) => element.closest(".hidden, thead") === null)
            .map((element) => `${element.tagName}.${element.getAttribute("class")}`),
        size.width,
      );
      assert.deepEqual(wide, [], `${tab} at ${size.width}`);
      const scroll = await page.evaluate("document.documentElement.scrollWidth");
      assert.equal(scroll, size.width, `${tab} at ${size.width}`);
    }
  }
});

test("sites are reached, chosen, killed and started again by keyboard", { skip }, async () => {
  const page = await open(DESKTOP);
  await page.focus("[aria-label='Sites'] [tabindex='0']");
  await press(page, "End", "Site south");
  await press(page, "ArrowUp", "Site middle");
  await press(page, "Enter");
  await until("the choice", () => page.isVisible("text=Channels at middle"));
  await press(page, "Tab", "stop middle");
  await press(page, "Tab", "kill middle");
  await press(page, "Enter");
  await until("the focus on what takes the place of the button", async () => {
    return (await focused(page)) === "start middle";
  });
  await until("a word of it in the events", () =>
    page.isVisible("[role=log] >> text=middle was killed"),
  );
  await press(page, "Space");
  await until("the site again", () => page.isVisible("[data-site=middle][data-state=up]"));
  await until("the focus on what takes the place of the button", async () => {
    return (await focused(page)) === "stop middle";
  });
  await page.click("[role=tab]:text-is('Audit')");
  await page.click("[data-site=origin] .card-face");
  const acts = page.locator("[aria-label='Audit log of origin'] tbody tr", {
    hasText: "site middle, kill",
  });
  await until("who did it", async () => {
    return /allowed[\s\S]*anonymous[\s\S]*demo\.act[\s\S]*site middle, kill/.test(
      await acts.first().innerText(),
    );
  });
});

test("links are one tab stop, arrow keys lead along them, Enter opens one and Escape closes it", {
  skip,
}, async () => {
  const page = await open(DESKTOP);
  await page.focus("[data-link][tabindex='0']");
  // Which one is first depends on what was learned a moment ago.
  assert.match(await focused(page), /^Link from origin to /);
  await page.keyboard.press("ArrowRight");
  const second = await page.getAttribute(":focus", "data-link");
  assert.match(second ?? "", /^origin>/);
  for (const key of ["Enter", "Space"]) {
    await page.keyboard.press(key);
    await page.waitForSelector("[role=dialog]");
    assert.match(await page.innerText("[role=dialog]"), /clip\s+(active|standby)\s+frag:udp/);
    assert.match(await focused(page), /Close$/);
    await page.keyboard.press("Escape");
    await page.waitForSelector("[role=dialog]", { state: "detached" });
    assert.equal(await page.getAttribute(":focus", "data-link"), second, "the focus is back");
  }
  await page.keyboard.press("Tab");
  assert.doesNotMatch(await focused(page), /^Link/);
});

test("tabs are led through by arrow keys, and Escape shows all channels again", {
  skip,
}, async () => {
  const page = await open(DESKTOP);
  await page.focus("[role=tab][tabindex='0']");
  await press(page, "ArrowRight", "Statistics");
  await page.waitForSelector("text=Statistics of");
  await press(page, "ArrowRight", "Streams");
  await page.waitForSelector("text=Streams of the session");
  await press(page, "End", "Audit");
  await page.waitForSelector("text=Audit log of");
  await press(page, "ArrowRight", "Overview");
  await press(page, "Tab", "clip");
  await press(page, "Enter");
  await page.waitForSelector("text=show all channels");
  await press(page, "Escape");
  await page.waitForSelector("text=show all channels", { state: "detached" });
});

test("what has the focus is seen to have it, in both colour schemes", { skip }, async () => {
  const page = await open(DESKTOP);
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.focus("h2 .aside");
    for (let stop = 0; stop < 12; stop++) {
      await page.keyboard.press("Tab");
      const seen = await page.evaluate(`(() => {
        const outer = document.activeElement;
        const element = outer.shadowRoot?.activeElement ?? outer;
        const of = (each) => each !== null && getComputedStyle(each).outlineStyle !== "none";
        const reach = element.querySelector?.(".link-reach");
        return of(element) || of(element.closest(".card")) ||
          (reach !== null && reach !== undefined && getComputedStyle(reach).stroke !== "rgba(0, 0, 0, 0)");
      })()`);
      assert.ok(seen, `${await focused(page)} in ${colorScheme}`);
    }
  }
});

test("a relay is killed: the way that was learned carries media, and the page says what happened and why", {
  skip,
}, async () => {
  const page = await open({ width: 1400, height: 900 });
  await page.emulateMedia({ colorScheme: "dark" });
  const link = page.locator("[data-link='north>south']");
  await until("a learned way that stands by", async () => {
    return (await link.getAttribute("class"))?.includes("learned-standby");
  });
  assert.match((await link.getAttribute("aria-label")) ?? "", /standby, learned/);
  await page.click("[data-site=south] .card-face");
  const sources = page.locator("[aria-label='Sources at south'] tbody tr", { hasText: "clip" });
  assert.match(await sources.nth(0).innerText(), /^middle\s+clip\s+active\s+route/);
  assert.match(
    await sources.nth(1).innerText(),
    /^north\s+clip\s+standby\s+learned from middle, \d+ s ago/,
  );
  const log = page.locator("[role=log]");
  const picture = process.env["MEANDER_PICTURE"];
  if (picture !== undefined) await page.waitForTimeout(12_000);

  await page.click("[data-site=middle] [data-action=kill]");
  await until("media on a way that was learned", async () => {
    return (await page.locator("[data-link$='>south'].learned-active.flows").count()) > 0;
  });
  await until("what happened, and why", async () => {
    return /south took \S*clip.* from \w+ since middle (fell silent|was lost)/.test(
      await log.innerText(),
    );
  });
  const ways = page.locator("[aria-label='Path of clip to south'] li");
  await until("the way before and the present one, with the reason", async () => {
    const [present = "", before = ""] = await ways.allInnerTexts();
    return (
      /origin › (north › )?south/.test(present) &&
      /middle (fell silent|was lost)/.test(present) &&
      /origin › north › middle › south\s+for \d/.test(before)
    );
  });
  await until("the site is seen to be down", () =>
    page.isVisible("[data-site=middle][data-state=down]"),
  );
  if (picture !== undefined) await takePicture(page, picture);

  await page.click("[data-site=middle] [data-action=start]");
  // It was killed before: it is held back for a while.
  await until(
    "the return, with the seconds",
    async () =>
      /south is back to middle with \S*clip.* after [\d.]+ s/.test(await log.innerText()) &&
      /back to middle after [\d.]+ s/.test(await ways.first().innerText()),
    60_000,
  );
});

/** The page some seconds later, when numbers and charts show what happened. */
async function takePicture(page: Page, file: string): Promise<void> {
  await page.waitForTimeout(4_000);
  await page.screenshot({ path: file });
}

/** The console on a screen of that size, with everything that it shows at first. */
async function open(size: { readonly width: number; readonly height: number }): Promise<Page> {
  const { page } = browser;
  await page.setViewportSize(size);
  await page.goto(url);
  await until("four sites and a picture", async () => {
    const up = await page.locator("[data-site]:not([data-state=down])").count();
    const hasPicture = ((await playerStats(page))["framesPresented"] ?? 0) > 0;
    const hasTable = (await page.locator("[aria-label^='Channels at'] tbody tr").count()) === 2;
    const isWhole = (await page.locator("[data-link='middle>south'].active").count()) === 1;
    const hasCharts = (await page.locator(".recent .chart").count()) > 0;
    return up === 4 && hasPicture && hasTable && hasCharts && isWhole;
  });
  // Cards glide to where the first paths put them.
  await until("the graph in its place", () =>
    page.evaluate("document.getAnimations().every((each) => each.animationName === 'flow')"),
  );
  return page;
}

/** @param expected what has the focus then; of a site its name: on a busy machine one is suspected for a moment */
async function press(page: Page, key: string, expected?: string): Promise<void> {
  await page.keyboard.press(key);
  if (expected === undefined) return;
  const label = (await focused(page)).replace(/^(Site \S+), .*$/, "$1");
  assert.equal(label, expected, `after ${key}`);
}

/** What a screen reader calls the element that has the focus. */
async function focused(page: Page): Promise<string> {
  return (await page.evaluate(
    `(document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent).trim()`,
  )) as string;
}
