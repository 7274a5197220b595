import { extensions, type LogOutputChannel, workspace } from "vscode";
import { output } from "./processes.js";
import { isNewEnough, parseVersion } from "./python_version.js";

// The newest first; a plain name last, as it may be anything.
const NAMES = ["python3.14", "python3.13", "python3.12", "python3.11", "python3", "python"];
// What an environment of its own needs; Debian has venv and ensurepip in a package apart.
const ASK = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])";

interface PythonEnvironments {
  getActiveEnvironmentPath(): { path: string };
  resolveEnvironment(path: { path: string }): Promise<{ executable: { uri?: { fsPath: string } } } | undefined>;
}

/** A Python to make the server's environment with: the setting's, the Python extension's, or one on PATH. */
export class PythonFinder {
  /** What was looked at and why it will not do, for a message. */
  readonly refused: string[] = [];

  constructor(private readonly log: LogOutputChannel) {}

  async find(): Promise<string | undefined> {
    this.refused.length = 0;
    const set = workspace.getConfiguration("fanout").get<string>("python", "").trim();
    if (set !== "") {
      return (await this.fits(set)) ? set : undefined;
    }
    for (const candidate of [await this.chosenInPythonExtension(), ...NAMES]) {
      if (candidate !== undefined && (await this.fits(candidate))) {
        return candidate;
      }
    }
    return undefined;
  }

  async fits(python: string): Promise<boolean> {
    try {
      const version = parseVersion(await output({ command: python, args: ["-I", "-c", ASK] }));
      if (version !== undefined && isNewEnough(version)) {
        this.log.info(`Python: ${python} (${version.major}.${version.minor})`);
        return true;
      }
      this.refuse(python, version === undefined ? "tells no version" : `is ${version.major}.${version.minor}`);
    } catch (error) {
      this.refuse(python, String(error instanceof Error ? error.message.split("\n").at(-1) : error));
    }
    return false;
  }

  private refuse(python: string, why: string): void {
    this.log.info(`Python: not ${python}: ${why}`);
    if (!why.includes("ENOENT")) {
      this.refused.push(`${python} ${why}`);
    }
  }

  private async chosenInPythonExtension(): Promise<string | undefined> {
    const extension = extensions.getExtension<{ environments?: PythonEnvironments }>("ms-python.python");
    if (extension === undefined) {
      return undefined;
    }
    try {
      const environments = (await extension.activate()).environments;
      const chosen = await environments?.resolveEnvironment(environments.getActiveEnvironmentPath());
      return chosen?.executable.uri?.fsPath;
    } catch (error) {
      this.log.warn(`Python: the Python extension cannot be asked: ${error}`);
      return undefined;
    }
  }
}
