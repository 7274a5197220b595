import { type ChildProcess, execFile, spawn } from "node:child_process";
import type { CancellationToken } from "vscode";
import type { Program } from "./api.js";

const SHORT_MS = 20_000;

/** The user has ended it. */
export class Cancelled extends Error {}

/** What a short program prints. Rejects where it cannot be started, fails, or takes too long. */
export function output(program: Program, cwd?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: SHORT_MS, ...(cwd === undefined ? {} : { cwd }) };
    execFile(program.command, [...program.args], options, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout.trim());
      } else {
        reject(new Error(stderr.trim() || error.message));
      }
    });
  });
}

/** Runs a longer program, telling each line that it prints. Rejects with its last line where it fails, or `Cancelled`. */
export function follow(program: Program, line: (text: string) => void, token: CancellationToken): Promise<void> {
  return new Promise((resolve, reject) => {
    // A group of its own, as it starts others that would go on without it.
    const child = spawn(program.command, program.args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
    const cancelled = token.onCancellationRequested(() => killGroup(child));
    let last = "";
    const read = (data: Buffer) => {
      for (const text of data
        .toString("utf8")
        .split("\n")
        .filter((one) => one.trim() !== "")) {
        last = text.trim();
        line(last);
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("error", reject);
    child.on("close", (code) => {
      cancelled.dispose();
      if (token.isCancellationRequested) {
        reject(new Cancelled("cancelled"));
      } else if (code === 0) {
        resolve();
      } else {
        reject(new Error(last || `${program.command} ended with status ${code}`));
      }
    });
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // It was over just now.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
