/** Which way a key moves the focus. */
type Direction = "left" | "right" | "up" | "down" | "first" | "last";

const DIRECTIONS: Readonly<Record<string, Direction>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
  Home: "first",
  End: "last",
};

/** How much farther a thing seems that lies beside the way. */
const ASIDE = 2;

/**
 * Moves the focus within a group of elements of which one is a tab stop (WAI-ARIA, roving tabindex). For `keydown`; other keys, and
 * those with modifiers, pass.
 *
 * @param items in their order; one of them has the focus
 * @param shape `line`: both axes step through the order, around its ends; `plane`: to the nearest in that direction on the screen
 */
export function moveFocus(
  event: KeyboardEvent,
  items: readonly (HTMLElement | SVGElement)[],
  shape: "line" | "plane",
): void {
  const direction = DIRECTIONS[event.key];
  const current = items.find((item) => item === event.target);
  if (direction === undefined || current === undefined) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const next =
    direction === "first"
      ? items[0]
      : direction === "last"
        ? items.at(-1)
        : shape === "plane"
          ? nearest(items, current, direction)
          : neighbour(items, current, direction);
  event.preventDefault();
  next?.focus();
}

function neighbour<T>(items: readonly T[], current: T, direction: Direction): T | undefined {
  const step = direction === "left" || direction === "up" ? -1 : 1;
  return items[(items.indexOf(current) + step + items.length) % items.length];
}

function nearest<T extends Element>(
  items: readonly T[],
  current: T,
  direction: Direction,
): T | undefined {
  const from = middleOf(current);
  let best: { readonly item: T; readonly distance: number } | undefined;
  for (const item of items) {
    const to = middleOf(item);
    const [x, y] = [to.x - from.x, to.y - from.y];
    const ahead = { left: -x, right: x, up: -y, down: y, first: 0, last: 0 }[direction];
    if (item === current || ahead <= 0) continue;
    const aside = Math.abs(direction === "left" || direction === "right" ? y : x);
    const distance = ahead + ASIDE * aside;
    if (best === undefined || distance < best.distance) best = { item, distance };
  }
  return best?.item;
}

function middleOf(element: Element): { readonly x: number; readonly y: number } {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { x: left + width / 2, y: top + height / 2 };
}
