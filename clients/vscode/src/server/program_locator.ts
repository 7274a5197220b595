import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute } from "node:path";
import { type LogOutputChannel, workspace } from "vscode";
import type { Program } from "./api.js";
import type { PrivateEnvironment } from "./private_environment.js";
import type { PythonFinder } from "./python_finder.js";

/** No Python that the server can run with. */
export class NoPython extends Error {}

/** The program that is set cannot be started. */
export class WrongPath extends Error {}

/** The program that is the server: the one that is set, or that of the private environment. */
export class ProgramLocator {
  constructor(
    private readonly environment: PrivateEnvironment,
    private readonly pythons: PythonFinder,
    private readonly log: LogOutputChannel,
  ) {}

  async locate(): Promise<Program> {
    const set = workspace.getConfiguration("fanout").get<string>("server.path", "").trim();
    if (set !== "") {
      this.log.info(`The server is ${set} (fanout.server.path).`);
      const command = set.replace(/^~(?=\/)/, homedir());
      // A plain name is looked for on PATH when it is started.
      if (isAbsolute(command)) await access(command, constants.X_OK).catch((error) => wrong(set, error));
      return { command, args: ["serve"] };
    }
    if (process.platform === "win32") {
      throw new Error(
        "it runs on Linux and macOS. On Windows open the folder in WSL (command: WSL: Reopen Folder in WSL), and install Fan Out there.",
      );
    }
    return this.environment.program(async () => {
      const python = await this.pythons.find();
      if (python === undefined) {
        const seen = this.pythons.refused.length > 0 ? ` Seen: ${this.pythons.refused.join("; ")}.` : "";
        throw new NoPython(`Fan Out needs Python 3.11 or newer, with venv, to run its server, and found none.${seen}`);
      }
      return python;
    });
  }
}

function wrong(path: string, error: NodeJS.ErrnoException): never {
  const why = error.code === "ENOENT" ? "is not there" : "cannot be started (it is not executable, or may not be read)";
  throw new WrongPath(`The setting fanout.server.path names ${path}, which ${why}. Correct it, or clear it.`);
}
