import type { ReshapingConfig } from "../../../session/index.ts";
import type { ReshapingPolicy } from "../reshaping-policy.ts";
import { cheapPolicy } from "./cheap.ts";
import { naivePolicy } from "./naive.ts";
import { standardPolicy } from "./standard.ts";

/** The policies that come with Meander, by name. */
export const RESHAPING_POLICIES: Readonly<Record<ReshapingConfig["policy"], ReshapingPolicy>> = {
  standard: standardPolicy,
  cheap: cheapPolicy,
  naive: naivePolicy,
};
