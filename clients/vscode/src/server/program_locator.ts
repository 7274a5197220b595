import { homedir } from "node:os";
import { type LogOutputChannel, workspace } from "vscode";
import type { Program } from "./api.js";
import type { PrivateEnvironment } from "./private_environment.js";
import type { PythonFinder } from "./python_finder.js";

/** No Python that the server can run with. */
export class NoPython extends Error {}

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
      return { command: set.replace(/^~(?=\/)/, homedir()), args: ["serve"] };
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
