// Makes the types of commands, answers and events, and the options in the settings, from docs/schema. With --check it only
// compares.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";

const SCHEMAS = new URL("../../../docs/schema/", import.meta.url);
const TYPES = new URL("../src/generated/", import.meta.url);
const PACKAGE = new URL("../package.json", import.meta.url);
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

/** The package's own file, with the options as the settings have them. */
async function packageWithOptions() {
  const described = JSON.parse(await readFile(PACKAGE, "utf8"));
  const { properties } = JSON.parse(await readFile(new URL("options.json", SCHEMAS), "utf8"));
  const setting = described.contributes.configuration.properties["fanout.options"];
  setting.properties = asMarkdown(properties);
  setting.additionalProperties = false;
  return `${JSON.stringify(described, null, 2)}\n`;
}

// VS Code takes a `description` for plain text.
function asMarkdown(value) {
  if (Array.isArray(value)) return value.map(asMarkdown);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key === "description" && typeof one === "string" ? "markdownDescription" : key,
      asMarkdown(one),
    ]),
  );
}

const made = [
  ...["commands", "events"].map((name) => [new URL(`${name}.ts`, TYPES), () => typesOf(name)]),
  [PACKAGE, packageWithOptions],
];
const check = process.argv.includes("--check");
for (const [target, make] of made) {
  const text = await make();
  if (!check) {
    await writeFile(target, text);
  } else if ((await readFile(target, "utf8").catch(() => "")) !== text) {
    console.error(`${fileURLToPath(target)} is not what docs/schema says. Run: npm run generate`);
    process.exitCode = 1;
  }
}
