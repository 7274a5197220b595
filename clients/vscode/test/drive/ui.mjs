// By hand, as a person would, with the packed extension: node ui.mjs CONFIG.json. Exit status 0: all was as it is to be.
import { strict as assert } from "node:assert";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { address, installExtension, openBrowser, startEditor } from "./editor.mjs";
import { Hands } from "./hands.mjs";
import { stories } from "./stories.mjs";

const config = JSON.parse(await readFile(process.argv[2], "utf8"));
for (const vsix of [config.vsix, ...(config.others ?? [])]) await installExtension(config.own, vsix);
const editor = await startEditor({
  folder: config.own,
  settings: config.settings,
  trusted: config.trusted ?? true,
  env: config.env,
});
const { context, page } = await openBrowser(join(config.own, "browser"));
const hands = new Hands(page, config.pictures);
let failed = 0;
try {
  await page.goto(address(editor.port, config.open));
  await hands.ready();
  for (const name of config.stories) {
    const story = stories.get(name);
    assert.ok(story, `there is no story ${name}`);
    const began = Date.now();
    await story(hands, config);
    console.log(`${name}: ${Date.now() - began} ms`);
  }
} catch (error) {
  failed = 1;
  console.log(error.stack);
  for (const [at, one] of context.pages().entries()) {
    await one.screenshot({ path: join(config.own, `failed-${at}.png`) }).catch(() => {});
    await writeFile(join(config.own, `failed-${at}.html`), await one.content()).catch(() => {});
  }
} finally {
  // So that each window says farewell: its extension host would wait for it to come back.
  for (const one of context.pages()) await one.goto("about:blank").catch(() => {});
  await context.close();
  await editor.stop();
}
process.exit(failed);
