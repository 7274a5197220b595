import { strict as assert } from "node:assert";
import { test } from "node:test";
import { followed, keyOf, leftOut, type Row, ticksOf } from "../../src/runs/ticks.js";

const PARTS = [
  { unit: "a", files: ["1", "both"] },
  { unit: "b", files: ["both"] },
];
const ALL = ticksOf(
  PARTS,
  () => true,
  () => true,
);

function turned(ticks: ReadonlySet<string>, row: Row): ReadonlySet<string> {
  const now = new Set(ticks);
  if (!now.delete(keyOf(row))) now.add(keyOf(row));
  return followed(PARTS, ticks, now);
}

function out(ticks: ReadonlySet<string>): [string[], string[]] {
  const { units, files } = leftOut(PARTS, ticks);
  return [[...units], [...files]];
}

test("a unit takes its files along, out and in", () => {
  const without = turned(ALL, { unit: "a" });
  // The other unit's part of the file stays.
  assert.deepEqual([...without], ["b", "b\nboth"]);
  assert.deepEqual(out(without), [["a"], []]);
  assert.deepEqual(turned(without, { unit: "a" }), ALL);
});

test("a file is out wherever it stands, and a unit with no file is out", () => {
  const without = turned(ALL, { unit: "a", file: "both" });
  assert.deepEqual([...without], ["a", "a\n1"]);
  assert.deepEqual(out(without), [["b"], ["both"]]);
  assert.deepEqual(out(turned(without, { unit: "a", file: "1" })), [["a", "b"], []]);
});

test("a file of a unit that is out brings in its unit alone", () => {
  const none = turned(turned(ALL, { unit: "a" }), { unit: "b" });
  assert.deepEqual(out(none), [["a", "b"], []]);
  assert.deepEqual([...turned(none, { unit: "a", file: "1" })].sort(), ["a", "a\n1"]);
  assert.deepEqual([...turned(none, { unit: "b", file: "both" })].sort(), ["b", "b\nboth"]);
});

test("what was left out before is not ticked", () => {
  const ticks = ticksOf(
    PARTS,
    (unit) => unit === "a",
    (file) => file !== "1",
  );
  assert.deepEqual([...ticks], ["a", "a\nboth"]);
  assert.deepEqual(out(ticks), [["b"], ["1"]]);
});

test("all at once", () => {
  assert.deepEqual(out(followed(PARTS, ALL, new Set())), [["a", "b"], []]);
  assert.deepEqual(followed(PARTS, new Set(), ALL), ALL);
});
