// Runs the tests of test/host in the real extension host: node host.mjs CONFIG.json. Exit status 0: all passed.
// With `hands` a person uses the view meanwhile, and what they waited for is written into that file.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { address, openBrowser, startEditor } from "./editor.mjs";
import { useTheView } from "./viewer.mjs";

const config = JSON.parse(await readFile(process.argv[2], "utf8"));
const limitMs = config.limitMs ?? 150_000;
const editor = await startEditor({
  folder: config.own,
  settings: config.settings,
  env: { ...config.env, FANOUT_TESTS: JSON.stringify(config.tests) },
  args: ["--enable-smoke-test-driver"],
});
const { context, page } = await openBrowser(join(config.own, "browser"));
await page.exposeFunction("codeAutomationLog", (kind, args) => console.log(kind, ...args));
let ended = () => {};
const over = new Promise((resolve) => {
  ended = resolve;
  setTimeout(() => resolve("the tests took too long"), limitMs).unref();
});
await page.exposeFunction("codeAutomationExit", (code) => ended(code));
await page.goto(
  address(editor.port, {
    ...config.open,
    payload: [
      ["extensionDevelopmentPath", editor.remote(config.extension)],
      ["extensionTestsPath", editor.remote(join(config.extension, "dist/host/index.js"))],
    ],
  }),
);
const used = config.hands === undefined ? undefined : useTheView(page, over);
const code = await over;
if (used !== undefined) await writeFile(config.hands, JSON.stringify(await used));
if (code !== 0) {
  await page.screenshot({ path: join(config.own, "failed.png") }).catch(() => {});
  console.log(editor.log());
}
await context.close();
await editor.stop();
console.log(`ended: ${code}`);
process.exit(code === 0 ? 0 : 1);
