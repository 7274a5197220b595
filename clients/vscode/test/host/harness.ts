import { appendFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import {
  commands,
  type Disposable,
  type Event,
  extensions,
  languages,
  type TextDocument,
  Uri,
  window,
  workspace,
} from "vscode";
import type { Extension } from "../../src/extension.js";
import type { Run } from "../../src/generated/commands.js";

/** What the driver says: the folders that are open, and where the agent waits. */
export interface Given {
  readonly results: string;
  readonly root: string;
  readonly other: string;
  readonly gate: string;
  /** The program that is the server. */
  readonly server: string;
  readonly suite: string;
  /** The name of the only test that is wanted. */
  readonly only?: string;
  /** For one test, where it takes longer than others. */
  readonly limitMs?: number;
}

interface Test {
  readonly suite: string;
  readonly name: string;
  readonly body: () => Promise<void>;
}

const LIMIT_MS = 20_000;

export const tests: Test[] = [];

/** Of what `given().suite` names: each suite is a window of its own. */
export function test(name: string, body: () => Promise<void>, suite = "main"): void {
  tests.push({ suite, name, body });
}

export function given(): Given {
  return JSON.parse(process.env.FANOUT_TESTS ?? "{}") as Given;
}

export function extension(): Extension {
  const found = extensions.getExtension<Extension>("fanout.fanout");
  if (found === undefined) throw new Error("The extension is not there.");
  return found.exports;
}

/** What the extension logs stands among the results, since this VS Code keeps no logs. */
export function keepLog(): void {
  const { log } = extension();
  for (const level of ["info", "warn", "error"] as const) {
    const written = log[level].bind(log);
    log[level] = (text: string | Error, ...more: unknown[]) => {
      appendFileSync(given().results, `${JSON.stringify({ log: `${level}: ${text}` })}\n`);
      written(text as string, ...more);
    };
  }
}

export function file(...parts: string[]): Uri {
  return Uri.joinPath(Uri.file(given().root), ...parts);
}

export async function onDisk(uri: Uri): Promise<string> {
  return readFile(uri.fsPath, "utf8");
}

export async function open(uri: Uri): Promise<TextDocument> {
  const document = await workspace.openTextDocument(uri);
  await window.showTextDocument(document);
  return document;
}

/** Waits until it holds, looking again whenever one of VS Code's or our events comes. */
export async function until<T>(what: string, look: () => T | undefined | false, ...more: Event<unknown>[]): Promise<T> {
  const { store, server } = extension();
  const events: Event<unknown>[] = [
    store.onChange,
    server.onState,
    server.onEvent,
    languages.onDidChangeDiagnostics,
    workspace.onDidChangeTextDocument,
    window.onDidChangeActiveTextEditor,
    window.onDidChangeVisibleTextEditors,
    window.tabGroups.onDidChangeTabs,
    ...more,
  ];
  const listening: Disposable[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      const check = () => {
        const found = look();
        if (found !== undefined && found !== false) resolve(found as T);
      };
      timer = setTimeout(
        () =>
          reject(
            new Error(
              `waited in vain: ${what}; server ${server.state}, trusted ${workspace.isTrusted}, shown ${shown()}, runs ${told()}`,
            ),
          ),
        LIMIT_MS,
      );
      for (const event of events) listening.push(event(check));
      check();
    });
  } finally {
    clearTimeout(timer);
    for (const one of listening) one.dispose();
  }
}

export function runIs(id: string, ...states: Run["state"][]): Promise<Run> {
  return until(`run ${id} is ${states.join(" or ")}`, () => {
    const run = extension().store.get(id);
    return run !== undefined && states.includes(run.state) ? run : undefined;
  });
}

/** Over these files with the scripted agent, as a key binding would begin it. */
export async function begin(files: Uri[], instruction = "Change {file}.", options: object = {}): Promise<string> {
  const id = await commands.executeCommand<string>("fanout.overFiles", ...files, { instruction, options, run: true });
  if (typeof id !== "string") throw new Error("No run was begun.");
  return id;
}

export async function closeAll(): Promise<void> {
  for (const document of workspace.textDocuments.filter((one) => one.isDirty && one.uri.scheme === "file")) {
    await document.save();
  }
  await commands.executeCommand("workbench.action.closeAllEditors");
}

function shown(): string {
  const { activeTextEditor, visibleTextEditors, tabGroups } = window;
  const tabs = tabGroups.all.flatMap((group) => group.tabs.map((tab) => `${tab.isActive ? "*" : ""}${tab.label}`));
  const editors = visibleTextEditors.map((one) => one.document.uri.toString());
  return JSON.stringify({ tabs, editors, active: activeTextEditor?.document.getText().slice(0, 200) });
}

function told(): string {
  return JSON.stringify(
    extension().store.runs.map((run) => [
      run.runId,
      run.state,
      run.message,
      run.units.map((u) => [u.title, u.state, u.message]),
    ]),
  );
}
