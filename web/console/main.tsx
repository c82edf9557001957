import { render } from "preact";
import { SystemClock } from "../../src/base/index.ts";
import "uplot/dist/uPlot.min.css";
import "./console.css";
import { Console } from "./console.tsx";

const root = document.getElementById("console");
if (root !== null) {
  render(<Console clock={new SystemClock()} origin={location.origin} />, root);
}
