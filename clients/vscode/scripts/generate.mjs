// Makes the types of commands, answers and events from docs/schema. With --check it only compares.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";

const SCHEMAS = new URL("../../../docs/schema/", import.meta.url);
const TYPES = new URL("../src/generated/", import.meta.url);
const BANNER = "// Made by scripts/generate.mjs from docs/schema. Not to be edited.\n";

async function typesOf(name) {
  const schema = JSON.parse(await readFile(new URL(`${name}.json`, SCHEMAS), "utf8"));
  return compile(withoutDefaults(schema), name, {
    bannerComment: BANNER,
    additionalProperties: false,
    cwd: fileURLToPath(SCHEMAS),
    format: false,
  });
}

// What has a default may be left out; a comment at each would say it again.
function withoutDefaults(value) {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, one]) => !(key === "default" && typeof one !== "object"))
      .map(([key, one]) => [key, withoutDefaults(one)]),
  );
}

const check = process.argv.includes("--check");
for (const name of ["commands", "events"]) {
  const target = new URL(`${name}.ts`, TYPES);
  const made = await typesOf(name);
  if (!check) {
    await writeFile(target, made);
  } else if ((await readFile(target, "utf8").catch(() => "")) !== made) {
    console.error(`src/generated/${name}.ts is not what docs/schema says. Run: npm run generate`);
    process.exitCode = 1;
  }
}
