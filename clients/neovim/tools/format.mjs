// StyLua over folders: node format.mjs [--check] WHERE-IT-IS-INSTALLED FOLDER...
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const words = process.argv.slice(2);
const isCheck = words[0] === "--check";
const [installed, ...folders] = isCheck ? words.slice(1) : words;
const stylua = createRequire(join(resolve(installed), "x.js"))("@johnnymorganz/stylua");

function config() {
  const made = stylua.Config.new();
  made.column_width = 120;
  made.indent_type = stylua.IndentType.Spaces;
  made.indent_width = 2;
  return made;
}

function* files(folder) {
  for (const one of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, one.name);
    if (one.isDirectory()) yield* files(path);
    else if (one.name.endsWith(".lua")) yield path;
  }
}

let wrong = 0;
for (const path of folders.flatMap((folder) => [...files(folder)])) {
  const text = readFileSync(path, "utf8");
  const formatted = stylua.formatCode(text, config(), undefined, stylua.OutputVerification.Full);
  if (formatted === text) continue;
  wrong += 1;
  if (isCheck) console.error(`${path} is not formatted. 'make fmt' does that.`);
  else writeFileSync(path, formatted);
}
process.exit(isCheck && wrong ? 1 : 0);
