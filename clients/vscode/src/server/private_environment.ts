import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type LogOutputChannel, ProgressLocation, window } from "vscode";
import type { Program } from "./api.js";
import { follow } from "./processes.js";

/** The server in a Python environment of its own, made once for each wheel, in the extension's storage. */
export class PrivateEnvironment {
  constructor(
    private readonly storage: string,
    private readonly bundled: string,
    private readonly log: LogOutputChannel,
  ) {}

  /** The server's program, made with `python` where it is not there yet. Rejects where that fails. */
  async program(python: () => Promise<string>): Promise<Program> {
    const wheel = await this.wheel();
    const mark = createHash("sha256")
      .update(await readFile(wheel))
      .digest("hex")
      .slice(0, 12);
    const folder = join(this.storage, `server-${mark}`);
    if (!existsSync(folder)) {
      await this.make(await python(), wheel, folder);
    }
    return { command: executable(folder), args: ["-P", "-m", "fanout_server", "serve"] };
  }

  private async wheel(): Promise<string> {
    const names = await readdir(this.bundled).catch(() => []);
    const name = names.find((one) => one.endsWith(".whl"));
    if (name === undefined) {
      throw new Error("This build of the extension brings no server: set fanout.server.path to the program fanout.");
    }
    return join(this.bundled, name);
  }

  /** Made aside and then renamed, so that what is there is whole, whatever other windows do. */
  private async make(python: string, wheel: string, folder: string): Promise<void> {
    const aside = `${folder}.${process.pid}`;
    const title = "Fan Out: making the server's environment (once)";
    await mkdir(this.storage, { recursive: true });
    await window.withProgress(
      { location: ProgressLocation.Notification, title, cancellable: true },
      async (bar, token) => {
        const line = (text: string) => {
          this.log.info(text);
          bar.report({ message: text.slice(0, 80) });
        };
        try {
          await follow({ command: python, args: ["-m", "venv", aside] }, line, token);
          const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", wheel];
          await follow({ command: executable(aside), args: pip }, line, token);
          await rename(aside, folder).catch((error) => {
            // Another window was faster.
            if (!existsSync(folder)) throw error;
          });
        } finally {
          await rm(aside, { recursive: true, force: true });
        }
      },
    );
    await this.removeOthers(folder);
  }

  private async removeOthers(folder: string): Promise<void> {
    for (const name of await readdir(this.storage)) {
      const other = join(this.storage, name);
      if (/^server-[0-9a-f]{12}$/.test(name) && other !== folder) {
        await rm(other, { recursive: true, force: true }).catch((error) => this.log.warn(`${other}: ${error}`));
      }
    }
  }
}

function executable(folder: string): string {
  return join(folder, "bin", "python");
}
