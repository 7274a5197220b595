import { strict as assert } from "node:assert";
import { test } from "node:test";
import { History } from "../../src/flow/history.js";
import { items } from "../../src/flow/problem_items.js";
import { Throttle } from "../../src/runs/throttle.js";

function memory() {
  const kept = new Map<string, unknown>();
  return {
    get: <T>(key: string) => kept.get(key) as T | undefined,
    update: async (key: string, value: unknown) => void kept.set(key, value),
  };
}

test("the last instruction comes first, each once, and not too many", async () => {
  const history = new History(memory());
  for (const text of ["one", "two", " one ", "  "]) await history.add(text);
  assert.deepEqual(history.all, ["one", "two"]);
  for (let number = 0; number < 40; number += 1) await history.add(`${number}`);
  assert.equal(history.all.length, 30);
});

test("problems become list items with a note, in one line each", () => {
  const problem = { line: 3, message: "is\n  wrong" };
  assert.deepEqual(items([{ path: "a.py", problems: [problem, { line: 4, message: "too" }] }]), [
    "a.py: line 3: is wrong; line 4: too",
  ]);
  assert.match(items([{ path: "a.py", problems: Array(25).fill(problem) }])[0] ?? "", /; and 5 more$/);
});

test("a throttle does the first at once and the last for sure", async () => {
  let done = 0;
  const twice = new Promise<void>((resolve) => {
    const throttle = new Throttle(5, async () => {
      done += 1;
      if (done === 2) {
        throttle.dispose();
        resolve();
      }
    });
    for (let call = 0; call < 10; call += 1) throttle.call();
    assert.equal(done, 1);
  });
  await twice;
  assert.equal(done, 2);
});
