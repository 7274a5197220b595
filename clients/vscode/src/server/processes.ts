import { execFile, spawn } from "node:child_process";
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
    const child = spawn(program.command, program.args, { stdio: ["ignore", "pipe", "pipe"] });
    const cancelled = token.onCancellationRequested(() => child.kill());
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
