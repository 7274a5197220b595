// Two windows on one folder, each with a server of its own: what is done in one is seen in the other.
import { strict as assert } from "node:assert";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Hands } from "./hands.mjs";
import { begin, until } from "./steps.mjs";

export async function twoWindows(hands, { gate, root }) {
  const first = { hands, turn: () => hands.page.bringToFront() };
  const page = await hands.page.context().newPage();
  await page.goto(hands.page.url());
  const second = { hands: new Hands(page, hands.pictures), turn: () => page.bringToFront() };
  await second.hands.ready();
  for (const { hands: one, turn } of [second, first]) {
    await turn();
    await one.command("Fan Out: Show Runs");
    await one.see(".pane-body", "There are no runs yet");
  }
  await cancelledFromTheOther(first, second, gate);
  await appliedInTheOther(first, second, gate, root);
  await leftByTheOther(first, second, gate);
}

async function cancelledFromTheOther(first, second, gate) {
  await rm(gate, { force: true });
  await begin(first.hands, "src/three.py", "Add a hundred, carefully.");
  await second.turn();
  await second.hands.node(/three\.py.*running/).waitFor();
  await second.hands.see(".statusbar-item", "Fan Out 0/1");
  await second.hands.command("Fan Out: Cancel");
  await second.hands.node(/hundred.*cancelled/).waitFor();
  await first.turn();
  await first.hands.node(/hundred.*cancelled/).waitFor();
}

async function appliedInTheOther(first, second, gate, root) {
  await begin(first.hands, "src/two.py", "Add ten, carefully.");
  await second.turn();
  await second.hands.node(/two\.py.*running/).waitFor();
  await writeFile(gate, "");
  await second.hands.node(/Add ten.*ready/).waitFor();
  // Only the window that began it asks what is to become of it.
  assert.equal(await second.hands.notification("1 of 1 unit done").count(), 0);
  await second.hands.command("Fan Out: Apply");
  await second.hands.node(/Add ten.*applied/).waitFor();
  await second.hands.notification("Applied 1 file").waitFor();
  await second.hands.open("two.py");
  await second.hands.press("Control+s");
  await until(async () => (await readFile(join(root, "src/two.py"), "utf8")).includes("return 10 +"));
  await first.turn();
  await first.hands.node(/Add ten.*applied/).waitFor();
  // What was offered at its end is still there, and does no harm.
  await first.hands.answer("1 of 1 unit done", "Apply");
  await first.hands.notification("Your files hold these changes already").waitFor();
}

/** A window that is closed takes its server along, which ends its runs so that they can be resumed. */
async function leftByTheOther(first, second, gate) {
  await rm(gate, { force: true });
  await second.turn();
  await begin(second.hands, "src/four.py", "Add a thousand, carefully.");
  await first.turn();
  await first.hands.node(/four\.py.*running/).waitFor();
  await second.hands.page.goto("about:blank");
  await first.hands.node(/thousand.*interrupted/).waitFor();
  await writeFile(gate, "");
  await first.hands.command("Fan Out: Resume");
  await first.hands.node(/thousand.*ready/).waitFor();
}
