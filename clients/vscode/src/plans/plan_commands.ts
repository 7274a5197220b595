import { type Disposable, Uri, window, workspace } from "vscode";
import { ofEditor, ofResources } from "../flow/selections.js";
import type { Selection } from "../generated/commands.js";
import type { RunStore } from "../runs/run_store.js";
import type { Api } from "../server/api.js";
import { pickPlan, shownPlan } from "./plan_picker.js";

type Handler = (...given: never[]) => Promise<unknown>;

const EMPTY = `---
jobs: 4
---
What is each unit to do? Say it here; {file} stands for the unit's file.

- path/to/a/file
- path/to/a/folder
`;

/** Plan documents: a new one, of what is selected where something is; and the one that is shown, run. */
export class PlanCommands {
  constructor(
    private readonly server: Api,
    private readonly store: RunStore,
    private readonly register: (id: string, handler: Handler) => Disposable,
  ) {}

  registerAll(): Disposable[] {
    return [
      this.register("fanout.newPlan", (...given: unknown[]) => this.create(given)),
      this.register("fanout.runPlan", (uri?: unknown) => this.run(uri)),
    ];
  }

  private async create(given: readonly unknown[]): Promise<void> {
    const selection = ofMenu(given) ?? ofSelectedText();
    if (selection !== undefined) {
      await this.server.execute("fanout.plan", { selection });
      return;
    }
    const document = await workspace.openTextDocument({ language: "fanout", content: EMPTY });
    await window.showTextDocument(document);
  }

  private async run(given: unknown): Promise<string | undefined> {
    const uri = given instanceof Uri ? given : (shownPlan() ?? (await pickPlan()));
    if (uri === undefined) return undefined;
    const document = await workspace.openTextDocument(uri);
    const { runId } = await this.server.execute("fanout.run", { plan: document.uri.toString() });
    this.store.touch(runId);
    return runId;
  }
}

function ofMenu(given: readonly unknown[]): Selection | undefined {
  const [file, ...others] = given;
  // The menu of an editor gives its file alone, even where text in it is selected; others give lists.
  const shown = window.activeTextEditor?.document.uri.toString();
  const selected = others.length === 0 && file instanceof Uri && file.toString() === shown;
  return (selected ? ofSelectedText() : undefined) ?? ofResources(given);
}

function ofSelectedText(): Selection | undefined {
  const editor = window.activeTextEditor;
  const fits = editor?.document.uri.scheme === "file" && !editor.selection.isEmpty;
  return editor !== undefined && fits ? ofEditor(editor) : undefined;
}
