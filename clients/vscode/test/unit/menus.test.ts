import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Run, RunState, Unit, UnitState } from "../../src/generated/commands.js";
import { contextOfFile, contextOfRun, contextOfUnit } from "../../src/runs/contexts.js";

interface Item {
  readonly command: string;
  readonly when: string;
}

const RUNS: RunState[] = [
  "running",
  "waiting",
  "ready",
  "applied",
  "reverted",
  "discarded",
  "cancelled",
  "interrupted",
  "failed",
];
const UNITS: UnitState[] = ["queued", "running", "verifying", "done", "failed", "cancelled"];
const UNIT: Unit = { id: "01-a", title: "a", state: "done", attempts: 1, seconds: 3, files: ["file:///a"] };
const RUN: Run = { runId: "r", state: "ready", instruction: "", started: 0, message: "", units: [UNIT], findings: [] };
const ITEMS: Item[] = JSON.parse(readFileSync("package.json", "utf8")).contributes.menus["view/item/context"];

function commandsAt(context: string): Set<string> {
  const fits = ({ when }: Item) => {
    const pattern = /viewItem =~ \/(.+)\/$/.exec(when)?.[1];
    return pattern !== undefined && new RegExp(pattern).test(context);
  };
  return new Set(ITEMS.filter(fits).map((item) => item.command.replace("fanout.", "")));
}

test("each command of the view's menus is there for something", () => {
  const runs = RUNS.flatMap((state) =>
    UNITS.map((one) => contextOfRun({ ...RUN, state, units: [UNIT, { ...UNIT, state: one }] })),
  );
  const units = RUNS.flatMap((state) =>
    UNITS.map((one) => contextOfUnit({ ...RUN, state }, { ...UNIT, state: one }, true)),
  );
  const reached = new Set([...runs, ...units, contextOfFile(true)].flatMap((context) => [...commandsAt(context)]));
  assert.deepEqual(
    ITEMS.map((item) => item.command.replace("fanout.", "")).filter((command) => !reached.has(command)),
    [],
  );
});

test("what a menu offers fits the state", () => {
  const ofRun = (state: RunState) => commandsAt(contextOfRun({ ...RUN, state }));
  assert.deepEqual([...ofRun("running")].sort(), ["cancelRun", "openChanges", "openReport"]);
  assert.ok(ofRun("waiting").has("acceptPilot"));
  assert.ok(!ofRun("discarded").has("applyRun"));
  assert.ok(ofRun("applied").has("revertRun"));
  const ofUnit = (state: UnitState) =>
    commandsAt(contextOfUnit({ ...RUN, state: "running" }, { ...UNIT, state, files: [] }));
  assert.deepEqual([...ofUnit("running")].sort(), ["cancelUnit", "openLog", "openPrompt", "openWorktree", "sendNote"]);
});
