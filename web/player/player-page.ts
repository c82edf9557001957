// The page player.html: one player that fills the window, with attributes from the address:
// player.html?channel=clip&site=http://127.0.0.1:7003&overlay
import type { PlayerState } from "../../src/channel/playout/player-state.ts";
import { isTokenFor } from "../token/named-sites.ts";
import { SessionToken } from "../token/session-token.ts";
import { tokenForm } from "../token/token-form.ts";
import { MeanderPlayer } from "./meander-player.ts";
import { linkUrlsOf } from "./site-urls.ts";

/** Attributes that the page's address may set. */
const FROM_ADDRESS = ["channel", "site", "target-delay", "muted", "overlay", "readable"];

const query = new URLSearchParams(location.search);
const player = new MeanderPlayer();
for (const name of FROM_ADDRESS) {
  const value = query.get(name);
  if (value !== null) player.setAttribute(name, value);
}
// Entered by the viewer and kept as long as the tab is open; never part of the address.
const token = new SessionToken();
let form: HTMLFormElement | undefined;
void showToken();
player.addEventListener("state", (event) => {
  const state = (event as CustomEvent<PlayerState>).detail;
  if (state.type !== "refused" || !token.refused(state.code, state.message)) return;
  form?.remove();
  form = tokenForm({
    why: "Token",
    onToken: (text) => {
      token.give(text);
      form?.remove();
      void showToken();
    },
  });
  document.body.append(form);
});
const channel = query.get("channel");
document.title = channel === null ? "Meander" : `${channel} · Meander`;
document.body.append(player);
// The player is the whole page, so its keys work from the start.
player.focus();

/** Lets the player show the token, unless the address of the page leads out of the session. [A29] */
async function showToken(): Promise<void> {
  const { value } = token;
  if (value === undefined) return;
  let urls: string[];
  try {
    urls = linkUrlsOf(player.getAttribute("site") ?? "", location.href);
  } catch {
    // The player says what is wrong with the address.
    return;
  }
  if (await isTokenFor(urls, location.origin, value)) {
    player.token = value;
    return;
  }
  const note = document.createElement("p");
  note.className = "token-form";
  note.setAttribute("role", "alert");
  note.textContent = `No token is shown to ${urls.map((url) => new URL(url).host).join(", ")}: the session of this page does not name that site, or the token is not valid here.`;
  document.body.append(note);
}
