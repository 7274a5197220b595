// What VS Code calls in its extension host. Prints a line for each test; rejects where one fails.
import "./activation.js";
import "./runs.js";
import "./server.js";
import "./places.js";
import "./environment.js";
import "./scale.js";
import "./view.js";
import { appendFile } from "node:fs/promises";
import { given, tests } from "./harness.js";

const LIMIT_MS = 25_000;
const MOST = 3;

export async function run(): Promise<void> {
  const failed: string[] = [];
  const { suite, only, limitMs = LIMIT_MS } = given();
  for (const { name, body } of tests.filter((one) => one.suite === suite && [undefined, one.name].includes(only))) {
    const began = Date.now();
    let error: unknown;
    try {
      await Promise.race([body(), late(limitMs)]);
    } catch (thrown) {
      error = thrown;
      failed.push(name);
    }
    const told = { name, ms: Date.now() - began, ...(error === undefined ? {} : { error: describe(error) }) };
    await appendFile(given().results, `${JSON.stringify(told)}\n`);
    if (failed.length > MOST) break;
  }
  if (failed.length > 0) throw new Error(`failed: ${failed.join("; ")}`);
}

function late(limitMs: number): Promise<never> {
  return new Promise((_, reject) => setTimeout(() => reject(new Error("took too long")), limitMs));
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
