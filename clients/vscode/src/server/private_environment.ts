import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { type LogOutputChannel, ProgressLocation, window } from "vscode";
import type { Program } from "./api.js";
import { follow } from "./processes.js";

const PACKED = ".whl.br";
const decompress = promisify(brotliDecompress);

/** The server's wheel, as compress.mjs leaves it, and what it is called when it is not. */
interface Packed {
  readonly name: string;
  readonly data: Buffer;
}

/** The server in a Python environment of its own, made once for each wheel, in the extension's storage. */
export class PrivateEnvironment {
  constructor(
    private readonly storage: string,
    private readonly bundled: string,
    private readonly log: LogOutputChannel,
  ) {}

  /** The server's program, made with `python` where it is not there yet. Rejects where that fails. */
  async program(python: () => Promise<string>): Promise<Program> {
    const packed = await this.packed();
    const data = await readFile(packed);
    const mark = createHash("sha256").update(data).digest("hex").slice(0, 12);
    const folder = join(this.storage, `server-${mark}`);
    if (!existsSync(folder)) {
      await this.make(await python(), { name: basename(packed, ".br"), data }, folder);
    }
    return { command: executable(folder), args: ["-P", "-m", "fanout_server", "serve"] };
  }

  private async packed(): Promise<string> {
    const names = await readdir(this.bundled).catch(() => []);
    const name = names.find((one) => one.endsWith(PACKED));
    if (name === undefined) {
      throw new Error("This build of the extension brings no server: set fanout.server.path to the program fanout.");
    }
    return join(this.bundled, name);
  }

  /** Made aside and then renamed, so that what is there is whole, whatever other windows do. */
  private async make(python: string, packed: Packed, folder: string): Promise<void> {
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
          // In there, so that it is gone with all the rest where this is cut short.
          const wheel = join(aside, packed.name);
          await writeFile(wheel, await decompress(packed.data));
          const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", wheel];
          await follow({ command: executable(aside), args: pip }, line, token);
          await rm(wheel);
          await rename(aside, folder).catch((error) => {
            // Another window was faster.
            if (!existsSync(folder)) throw error;
          });
        } finally {
          // What was killed a moment ago may still be at its last file.
          await rm(aside, { recursive: true, force: true, maxRetries: 5 });
        }
      },
    );
    await this.removeOthers(folder);
  }

  /** Those of other versions, and what was left half made when a window was killed. */
  private async removeOthers(folder: string): Promise<void> {
    for (const name of await readdir(this.storage)) {
      const other = join(this.storage, name);
      const maker = /^server-[0-9a-f]{12}(?:\.(\d+))?$/.exec(name);
      const halfMade = maker?.[1];
      if (maker !== null && other !== folder && (halfMade === undefined || !isAlive(Number(halfMade)))) {
        await rm(other, { recursive: true, force: true }).catch((error) => this.log.warn(`${other}: ${error}`));
      }
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Somebody else's may not be asked.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function executable(folder: string): string {
  return join(folder, "bin", "python");
}
