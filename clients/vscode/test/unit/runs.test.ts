import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Finding, Run, Unit } from "../../src/generated/commands.js";
import { groupsOf, isGrouped, isOpenAtFirst, MOST_UNGROUPED, unitsIn } from "../../src/runs/groups.js";
import { saysNothingNew, updated } from "../../src/runs/run_news.js";
import { Throttle } from "../../src/runs/throttle.js";

const UNIT: Unit = { id: "a", title: "a", state: "queued", attempts: 0, seconds: 0, files: [] };
const OTHER: Unit = { ...UNIT, id: "b", title: "b" };
const FINDING: Finding = { id: "1", code: "unit/failed", severity: "error", message: "one", units: ["a"] };
const RUN: Run = {
  runId: "r",
  state: "running",
  instruction: "Do it.",
  started: 1,
  message: "",
  units: [UNIT, OTHER],
  findings: [FINDING],
  mark: "m1",
};
const NEWS: Run = { ...RUN, units: [], findings: [], since: "m1", mark: "m2" };

test("news are put where they belong, and what was there stays as it is", () => {
  const done: Unit = { ...UNIT, state: "done" };
  const more: Unit = { ...UNIT, id: "c", title: "c" };
  const second: Finding = { ...FINDING, id: "2", message: "two" };
  const now = updated(RUN, { ...NEWS, units: [done, more], findings: [second], gone: ["1"] });
  assert.deepEqual(now.units, [done, OTHER, more]);
  assert.deepEqual(now.findings, [second]);
  assert.equal(now.mark, "m2");
  assert.deepEqual(RUN.units, [UNIT, OTHER]);
});

test("what is told as a whole takes the place of all", () => {
  const whole: Run = { ...RUN, state: "ready", units: [OTHER], findings: [] };
  assert.equal(updated(RUN, whole), whole);
  assert.equal(updated(undefined, whole), whole);
});

test("only what is shown is news", () => {
  assert.ok(saysNothingNew(RUN, NEWS));
  assert.ok(saysNothingNew(RUN, { ...RUN, mark: "m3", estimate: { low: 0, high: 1, currency: "USD", basis: "" } }));
  assert.ok(!saysNothingNew(RUN, { ...NEWS, check: "checking" }));
  assert.ok(!saysNothingNew(RUN, { ...NEWS, units: [{ ...UNIT, state: "running" }] }));
  assert.ok(!saysNothingNew(RUN, { ...NEWS, gone: ["1"] }));
  assert.ok(!saysNothingNew(RUN, { ...RUN, units: [UNIT] }));
  assert.ok(!saysNothingNew(undefined, RUN));
});

test("a run of very many units is shown by what they do, what failed first", () => {
  const states: Unit["state"][] = ["done", "running", "verifying", "queued", "failed"];
  const units = Array.from({ length: MOST_UNGROUPED + 1 }, (_, at): Unit => {
    return { ...UNIT, id: String(at), state: states[at % states.length] ?? "queued" };
  });
  assert.ok(!isGrouped(RUN));
  const run: Run = { ...RUN, units };
  assert.ok(isGrouped(run));
  assert.deepEqual(groupsOf(run), ["failed", "atWork", "queued", "done"]);
  const counted = groupsOf(run).reduce((sum, group) => sum + unitsIn(run, group).length, 0);
  assert.equal(counted, units.length);
  assert.ok(isOpenAtFirst("failed", 3));
  assert.ok(!isOpenAtFirst("failed", MOST_UNGROUPED + 1));
  assert.ok(!isOpenAtFirst("done", 3));
});

test("what takes long is done less often, and at once where it is wanted now", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let clock = 0;
  context.mock.method(performance, "now", () => clock);
  const began: (() => void)[] = [];
  const throttle = new Throttle(300, () => new Promise((resolve) => began.push(resolve)), 3000);
  const end = async (tookMs: number) => {
    clock += tookMs;
    began.at(-1)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  throttle.call();
  throttle.call();
  assert.equal(began.length, 1);
  await end(200);
  context.mock.timers.tick(799);
  assert.equal(began.length, 1);
  context.mock.timers.tick(1);
  assert.equal(began.length, 2);
  await end(5000);
  throttle.call();
  context.mock.timers.tick(2999);
  assert.equal(began.length, 2);
  throttle.now();
  assert.equal(began.length, 3);
  // Asked for in the middle of it, it is done once more as soon as that is over.
  throttle.now();
  await end(5000);
  context.mock.timers.tick(0);
  assert.equal(began.length, 4);
  throttle.dispose();
});
