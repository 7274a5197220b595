// Runs the tests of what needs no VS Code, with Node's own runner.
import { spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { build } from "esbuild";

const OUT = "dist/unit";
const names = (await readdir("test/unit")).filter((name) => name.endsWith(".test.ts"));
await rm(OUT, { recursive: true, force: true });
await build({
  entryPoints: names.map((name) => `test/unit/${name}`),
  outdir: OUT,
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  logLevel: "warning",
});
const files = names.map((name) => `${OUT}/${name.replace(/\.ts$/, ".js")}`);
process.exit(spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" }).status ?? 1);
