// Stands in for the Python extension, which is to be had from VS Code's own marketplace alone. Its types are those that the
// makers of that extension publish for who asks it.
import type { EnvironmentPath, PythonExtension, ResolvedEnvironment } from "@vscode/python-extension";
import { commands, type ExtensionContext, Uri, window } from "vscode";

type Environments = Pick<PythonExtension["environments"], "getActiveEnvironmentPath" | "resolveEnvironment">;

export function activate(context: ExtensionContext): { environments: Environments } {
  let chosen = "";
  const select = async () => {
    chosen = (await window.showInputBox({ title: "Select Interpreter" })) ?? chosen;
  };
  context.subscriptions.push(commands.registerCommand("python.setInterpreter", select));
  return {
    environments: {
      getActiveEnvironmentPath: () => ({ id: chosen || "DEFAULT_PYTHON", path: chosen || "python" }),
      resolveEnvironment: async (asked) => (chosen === "" ? undefined : resolved(asked as EnvironmentPath)),
    },
  };
}

function resolved({ id, path }: EnvironmentPath): ResolvedEnvironment {
  return {
    id,
    path,
    executable: { uri: Uri.file(path), bitness: "64-bit", sysPrefix: "" },
    environment: undefined,
    version: undefined,
    tools: ["Unknown"],
  };
}
