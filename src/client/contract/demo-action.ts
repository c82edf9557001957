/** What can be done to a site of a demo: `kill` is SIGKILL, `stop` is orderly. */
export type DemoAction = "kill" | "stop" | "start";
