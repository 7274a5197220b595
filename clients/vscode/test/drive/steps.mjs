// What several stories do.
import { strict as assert } from "node:assert";

/** A run over one file, with the keyboard. */
export async function begin(hands, file, instruction) {
  await hands.clear();
  await hands.command("Fan Out: Over Files...");
  await hands.menu("Fan Out: Over Files");
  await hands.type(file);
  await hands.rows(file).first().click();
  await hands.press("Enter");
  await hands.menu("Fan Out: Split");
  await hands.press("Enter");
  await hands.menu("Fan Out: Instruction");
  await hands.type(instruction);
  await hands.rows("as typed").first().waitFor();
  await hands.press("Enter");
  await hands.menu("Fan Out: Agent");
  await hands.rows("as set").first().waitFor();
  await hands.press("Enter");
  await hands.menu("1 unit");
  await hands.press("Enter");
}

export async function until(holds) {
  const last = Date.now() + 15_000;
  while (!(await holds())) {
    assert.ok(Date.now() < last, "it did not come to that");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
