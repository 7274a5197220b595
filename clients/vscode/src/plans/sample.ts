import { cp, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type ExtensionContext, Uri, window } from "vscode";
import { openBesidePages } from "../beside.js";
import { output } from "../server/processes.js";

/** A small repository with a plan for the built-in agent, made anew in the extension's storage each time. */
export class Sample {
  constructor(private readonly context: ExtensionContext) {}

  async open(): Promise<void> {
    const storage = this.context.globalStorageUri.fsPath;
    await mkdir(storage, { recursive: true });
    const number = (await readdir(storage)).filter((name) => name.startsWith("sample-")).length + 1;
    const folder = join(storage, `sample-${number}`);
    await cp(join(this.context.extensionPath, "media", "sample"), folder, { recursive: true });
    try {
      await this.commit(folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    await openBesidePages();
    await window.showTextDocument(Uri.file(join(folder, "modernise.fanout.md")));
  }

  private async commit(folder: string): Promise<void> {
    await this.git(folder, "init", "--quiet");
    await this.git(folder, "add", "--all");
    const own = ["-c", "user.name=Fan Out", "-c", "user.email=sample@example.invalid", "-c", "commit.gpgsign=false"];
    await this.git(folder, ...own, "commit", "--quiet", "--message", "A sample");
  }

  private async git(folder: string, ...args: string[]): Promise<void> {
    try {
      await output({ command: "git", args }, folder);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw text.includes("ENOENT") ? new Error("git was not found on PATH. Install git 2.38 or newer.") : error;
    }
  }
}
