// The page player.html: one player that fills the window. What the address says becomes the element's attributes:
// player.html?channel=clip&site=http://127.0.0.1:7003&overlay
import { MeanderPlayer } from "./meander-player.ts";

/** Attributes that the page's address may set. */
const FROM_ADDRESS = ["channel", "site", "target-delay", "muted", "overlay", "readable"];

const query = new URLSearchParams(location.search);
const player = new MeanderPlayer();
for (const name of FROM_ADDRESS) {
  const value = query.get(name);
  if (value !== null) player.setAttribute(name, value);
}
const channel = query.get("channel");
document.title = channel === null ? "Meander" : `${channel} · Meander`;
document.body.append(player);
// The page is all player: its keys work wherever the focus is.
player.focus();
