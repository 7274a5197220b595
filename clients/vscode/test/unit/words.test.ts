import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Run, Unit } from "../../src/generated/commands.js";
import {
  describeRun,
  describeUnit,
  duration,
  filesOf,
  headline,
  money,
  nameOf,
  price,
  shortened,
  summary,
} from "../../src/runs/words.js";

const UNIT: Unit = { id: "01-a", title: "a", state: "done", attempts: 1, seconds: 3, files: ["file:///a"] };
const RUN: Run = {
  runId: "r",
  state: "ready",
  instruction: "Do it.",
  started: 0,
  message: "",
  units: [UNIT, { ...UNIT, id: "02-b", state: "failed", files: ["file:///b"], message: "no such model" }],
  findings: [],
};

test("times and money read as people write them", () => {
  assert.deepEqual([0, 41.9, 61, 3729].map(duration), ["0:00", "0:41", "1:01", "1:02:09"]);
  assert.deepEqual(
    [money(0.012), money(0.0042), money(1.5, true), price(0, 0)],
    ["$0.01", "$0.0042", "~$1.50", "no cost"],
  );
  assert.deepEqual([price(1.8, 3.6), price(0.501, 0.502)], ["$1.80 to $3.60", "$0.50"]);
});

test("a headline is one line, cut where it is long", () => {
  assert.equal(headline("first\nsecond"), "first");
  assert.equal(headline("a".repeat(70)).length, 60);
});

test("a name reads well before a colon", () => {
  assert.equal(nameOf({ ...RUN, instruction: "Do it.\nAll of it." }), "Do it");
  assert.equal(nameOf({ ...RUN, instruction: "" }), "Run r");
});

test("a state is said in words, not by an icon alone", () => {
  assert.equal(describeRun({ ...RUN, cost: 0.5 }), "ready · 1/2 done · $0.50");
  assert.equal(describeUnit({ ...UNIT, state: "running" }, 5, "Reading a"), "running · 0:05 · Reading a");
  assert.equal(describeUnit({ ...UNIT, state: "failed", message: "no" }, 0, "Reading a"), "failed · no");
});

test("only what is done counts as changed", () => {
  assert.deepEqual(filesOf(RUN), ["file:///a"]);
  assert.equal(summary(RUN), "1 of 2 units done, 1 file changed");
});

test("of a list in an error the first item is said", () => {
  const one = "The plan cannot be run as it is:\n- Line 3: no such option.";
  assert.deepEqual(shortened("It is not there."), { text: "It is not there.", isList: false });
  assert.deepEqual(shortened(one), { text: "The plan cannot be run as it is: Line 3: no such option.", isList: true });
  assert.match(shortened(`${one}\n- Line 4: x`).text, /no such option\. \(and 1 more\)$/);
  assert.match(shortened(`${one}\n- Line 4: x\n- and 7 more`).text, /no such option\. \(and 8 more\)$/);
});
