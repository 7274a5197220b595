import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Backoff } from "../../src/server/backoff.js";
import { isNewEnough, parseVersion } from "../../src/server/python_version.js";

test("each crash waits longer, and the sixth in three minutes is the last", () => {
  const backoff = new Backoff();
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((second) => backoff.next(second * 1000)),
    [500, 1000, 2000, 4000, 8000, undefined],
  );
  assert.equal(new Backoff().next(0), 500);
});

test("crashes are forgotten", () => {
  const backoff = new Backoff();
  assert.deepEqual([backoff.next(0), backoff.next(200_000)], [500, 500]);
});

test("Python is to be 3.11 or newer", () => {
  const fits = (text: string) => {
    const version = parseVersion(text);
    return version !== undefined && isNewEnough(version);
  };
  assert.deepEqual(["3.11", "3.14\n", "4.0", "3.9", "2.7", "no"].map(fits), [true, true, true, false, false, false]);
});
