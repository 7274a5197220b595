// Bundles the extension. What speaks LSP is a bundle of its own, which is loaded with the server and not before.
import { copyFile, rm } from "node:fs/promises";
import { build } from "esbuild";

const LATE = /\/connection\.js$/;

const late = {
  name: "late",
  setup(builder) {
    builder.onResolve({ filter: LATE }, (found) =>
      found.kind === "dynamic-import" || found.kind === "require-call"
        ? { path: "./connection.js", external: true }
        : undefined,
    );
  },
};

// The client asks VS Code for its version and compares. VS Code has compared `engines` before it loaded us, and what
// compares is a tenth of the bundle.
const unversioned = {
  name: "unversioned",
  setup(builder) {
    builder.onResolve({ filter: /^semver\// }, ({ path }) => ({ path, namespace: "unversioned" }));
    builder.onLoad({ filter: /.*/, namespace: "unversioned" }, ({ path }) => ({
      contents: path.endsWith("/satisfies")
        ? "module.exports = () => true"
        : "module.exports = (version) => ({ version })",
    }));
  },
};

const shared = {
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["vscode"],
  logLevel: "warning",
  legalComments: "none",
  // What is imported late is required: VS Code gives `vscode` to modules that are.
  supported: { "dynamic-import": false },
};

await rm("dist", { recursive: true, force: true });
if (process.argv.includes("--tests")) {
  await build({ ...shared, entryPoints: ["test/host/index.ts"], outdir: "dist/host", sourcemap: "inline" });
  await build({ ...shared, entryPoints: ["test/python/main.ts"], outdir: "dist/python" });
  await copyFile("test/python/package.json", "dist/python/package.json");
}
await build({
  ...shared,
  entryPoints: ["src/main.ts", "src/connection.ts"],
  outdir: "dist",
  minify: !process.argv.includes("--tests"),
  plugins: [late, unversioned],
  // What loading takes counts as activation, too.
  banner: { js: "const fanoutLoading = performance.now();" },
});
