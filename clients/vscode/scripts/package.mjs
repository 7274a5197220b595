// Packs what is bundled: node package.mjs OUT. Without a public repository the page has no pictures: VS Code shows there what
// comes from an address of its own alone, and takes none that an extension brings.
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";

const README = "dist/README.md";
const PICTURE = /^!\[[^\]]*\]\([^)]*\)\n\n?/gm;

const { repository } = JSON.parse(await readFile("package.json", "utf8"));
const readme = await readFile("README.md", "utf8");
await writeFile(README, repository === undefined ? readme.replace(PICTURE, "") : readme);
const links = repository === undefined ? ["--allow-missing-repository", "--no-rewrite-relative-links"] : [];
const args = ["package", "--no-dependencies", ...links, "--readme-path", README, "--out", process.argv[2]];
process.exit(spawnSync("vsce", args, { stdio: "inherit" }).status ?? 1);
