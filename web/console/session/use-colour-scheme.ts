import { useEffect, useState } from "preact/hooks";

const LIGHT = "(prefers-color-scheme: light)";

/** The colour scheme that the page is shown in. Canvases are drawn again when it changes: they keep the colours they were given. */
export function useColourScheme(): "dark" | "light" {
  const [isLight, set] = useState(() => matchMedia(LIGHT).matches);
  useEffect(() => {
    const query = matchMedia(LIGHT);
    const listener = (): void => set(query.matches);
    query.addEventListener("change", listener);
    return () => query.removeEventListener("change", listener);
  }, []);
  return isLight ? "light" : "dark";
}
