import type { PythonExtension } from "@vscode/python-extension";
import { type Extension, extensions, type LogOutputChannel, workspace } from "vscode";
import { output } from "./processes.js";
import { isNewEnough, type PythonVersion, parseVersion } from "./python_version.js";

// The newest first; a plain name last, as it may be anything.
const NAMES = ["python3.14", "python3.13", "python3.12", "python3.11", "python3", "python"];
// Debian has what an environment of its own needs in a package apart.
const ASK = `import sys
print('%d.%d' % sys.version_info[:2])
print(sys.executable)
try: import venv, ensurepip
except ImportError as missing: print(missing)`;

const ASKED_MS = 20_000;

type Environments = Pick<PythonExtension, "environments">;

/** A Python that is there. */
export interface Python {
  /** As it was named. */
  readonly name: string;
  /** Where it is, as far as it says so. */
  readonly path: string;
  readonly version?: PythonVersion;
  /** Why the server's environment cannot be made with it; undefined where it can. */
  readonly why?: string;
}

/** A Python to make the server's environment with: the setting's, the Python extension's, or one on PATH. */
export class PythonFinder {
  /** What was looked at and why it will not do, for a message. */
  readonly refused: string[] = [];

  constructor(private readonly log: LogOutputChannel) {}

  async find(): Promise<string | undefined> {
    this.refused.length = 0;
    const set = this.set;
    for (const name of set === "" ? [await this.chosenInPythonExtension(), ...NAMES] : [set]) {
      const found = name === undefined ? undefined : await this.look(name);
      if (found !== undefined && found.why === undefined) return name;
      if (found !== undefined) this.refused.push(`${found.name} ${found.why}`);
    }
    return undefined;
  }

  /** All that are there, each once. */
  async all(): Promise<Python[]> {
    const names = [this.set, await this.chosenInPythonExtension(), ...NAMES].filter((one) => one);
    const found = await Promise.all(names.map((name) => this.look(name as string)));
    const each = new Map(found.flatMap((one) => (one === undefined ? [] : [[one.path, one] as const])));
    return [...each.values()];
  }

  /** Undefined where there is none of this name. */
  async look(name: string): Promise<Python | undefined> {
    const program = { command: name, args: ["-I", "-c", ASK] };
    try {
      const [version = "", path = name, missing] = (await output(program)).split("\n");
      const parsed = parseVersion(version);
      const why = whyNot(parsed, missing);
      this.log.info(`Python: ${name} is ${version}, ${path}${why === undefined ? "" : `: ${why}`}`);
      return { name, path, ...(parsed && { version: parsed }), ...(why === undefined ? {} : { why }) };
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      this.log.info(`Python: not ${name}: ${said}`);
      return said.includes("ENOENT") ? undefined : { name, path: name, why: `says ${said.split("\n").at(-1)}` };
    }
  }

  private get set(): string {
    return workspace.getConfiguration("fanout").get<string>("python", "").trim();
  }

  private async chosenInPythonExtension(): Promise<string | undefined> {
    const extension = extensions.getExtension<Environments>("ms-python.python");
    if (extension === undefined) {
      return undefined;
    }
    try {
      const chosen = await within(ASKED_MS, chosenOf(extension));
      return chosen?.executable.uri?.fsPath;
    } catch (error) {
      this.log.warn(`Python: the Python extension cannot be asked: ${error}`);
      return undefined;
    }
  }
}

async function chosenOf(extension: Extension<Environments>) {
  const { environments } = await extension.activate();
  return environments.resolveEnvironment(environments.getActiveEnvironmentPath());
}

async function within<T>(most: number, answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${most / 1000} seconds`)), most);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

function whyNot(version: PythonVersion | undefined, missing: string | undefined): string | undefined {
  if (version === undefined) return "tells no version";
  if (!isNewEnough(version)) return `is ${version.major}.${version.minor}, too old`;
  return missing === undefined ? undefined : `lacks what environments are made with (${missing})`;
}
