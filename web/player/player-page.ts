// The page player.html: one player that fills the window, with attributes from the address:
// player.html?channel=clip&site=http://127.0.0.1:7003&overlay
import type { PlayerState } from "../../src/channel/playout/player-state.ts";
import { SessionToken } from "../token/session-token.ts";
import { tokenForm } from "../token/token-form.ts";
import { MeanderPlayer } from "./meander-player.ts";

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
player.token = token.value;
let form: HTMLFormElement | undefined;
player.addEventListener("state", (event) => {
  const state = (event as CustomEvent<PlayerState>).detail;
  if (state.type !== "refused" || !token.refused(state.code, state.message)) return;
  form?.remove();
  form = tokenForm({
    why: "Token",
    onToken: (text) => {
      token.give(text);
      form?.remove();
      player.token = token.value;
    },
  });
  document.body.append(form);
});
const channel = query.get("channel");
document.title = channel === null ? "Meander" : `${channel} · Meander`;
document.body.append(player);
// The player is the whole page, so its keys work from the start.
player.focus();
