// VS Code in a browser with the packed extension and a sample repository: node try.mjs VSIX SERVER [FOLDER].
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { address, installExtension, startEditor } from "./editor.mjs";

const [vsix, server, given] = process.argv.slice(2);
const own = resolve("build/vscode-try");
const sample = given === undefined ? join(own, "sample") : resolve(given);
rmSync(join(own, "extensions"), { recursive: true, force: true });
mkdirSync(own, { recursive: true });
if (!existsSync(sample)) {
  cpSync(new URL("../../media/sample", import.meta.url), sample, { recursive: true });
  const git = (...args) => execFileSync("git", args, { cwd: sample, stdio: "ignore" });
  git("init", "--quiet");
  git("add", "--all");
  git("-c", "user.name=Fan Out", "-c", "user.email=sample@example.invalid", "commit", "--quiet", "-m", "A sample");
}
await installExtension(own, resolve(vsix));
// Somebody else on this machine could open the port: only who has the token gets in.
const token = randomBytes(16).toString("hex");
const editor = await startEditor({
  folder: own,
  settings: { "fanout.server.path": resolve(server) },
  token,
});
console.log(`VS Code with Fan Out: ${address(editor.port, { folder: sample, token })}`);
console.log("Open modernise.fanout.md and choose Run above its first line. Control+C here ends it.");
process.on("SIGINT", async () => {
  await editor.stop();
  process.exit(0);
});
