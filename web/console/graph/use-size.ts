import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Size } from "./fit.ts";

/** The inner size of an element, as it changes: give the first to it as `ref`. */
export function useSize() {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<Size>({ width: 800, height: 400 });
  useLayoutEffect(() => {
    if (box.current === null) return undefined;
    const { clientWidth, clientHeight } = box.current;
    setSize({ width: clientWidth, height: clientHeight });
    const observer = new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      const { width, height } = entry.contentRect;
      setSize({ width, height });
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return [box, size] as const;
}
