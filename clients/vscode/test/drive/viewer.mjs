// Somebody who goes on using the view while a large run goes on; how long each thing took to be seen.
const EACH_MS = 1000;
const LONGEST_MS = 5000;
const ROW = '.pane-body [role="treeitem"]';
const GROUP = `${ROW}[aria-label^="At Work"]`;

/** Until `over`: a group opened or closed by a click, the run folded and unfolded by keys. Milliseconds of each. */
export async function useTheView(page, over) {
  const took = { clicks: [], foldings: [], unfoldings: [], missed: [] };
  let goesOn = true;
  void over.then(() => {
    goesOn = false;
  });
  const time = async (name, act, look, argument) => {
    const began = performance.now();
    try {
      await act();
      await page.waitForFunction(look, argument, { polling: "raf", timeout: LONGEST_MS });
    } catch {
      if (goesOn) took.missed.push(name);
      return;
    }
    took[name].push(Math.round(performance.now() - began));
  };
  const first = (rows) => document.querySelector(`${rows}[data-index="0"]`)?.getAttribute("aria-expanded") === "false";
  const below = (rows) => document.querySelector(`${rows}[data-index="1"]`)?.getAttribute("aria-level") === "2";
  await page.locator(GROUP).first().waitFor({ timeout: 60_000 });
  while (goesOn) {
    await new Promise((resolve) => setTimeout(resolve, EACH_MS));
    const group = page.locator(GROUP).first();
    const expanded = await group.getAttribute("aria-expanded", { timeout: LONGEST_MS }).catch(() => undefined);
    if (expanded === undefined) continue;
    await time(
      "clicks",
      () => group.click({ timeout: LONGEST_MS }),
      ([row, was]) => document.querySelector(row)?.getAttribute("aria-expanded") !== was,
      [GROUP, expanded],
    );
    await page.keyboard.press("Home");
    await time("foldings", () => page.keyboard.press("ArrowLeft"), first, ROW);
    await time("unfoldings", () => page.keyboard.press("ArrowRight"), below, ROW);
  }
  return took;
}
