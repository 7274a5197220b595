import { commands, type Disposable, type Uri, window, workspace } from "vscode";
import type { Selection } from "../generated/commands.js";
import { pickBranch } from "./branches.js";
import type { Given } from "./draft.js";
import { pickFiles } from "./file_picker.js";
import type { Flow } from "./flow.js";
import { ofChanges, ofEditor, ofProblems, ofResources } from "./selections.js";

type GivenSince = Given & { since?: string; folder?: Uri };
type Handler = (...given: never[]) => Promise<unknown>;

/** The commands that begin with a selection. Each takes what a key binding says beforehand, see `Given`. */
export class FlowCommands {
  constructor(
    private readonly flow: Flow,
    private readonly register: (id: string, handler: Handler) => Disposable,
  ) {}

  registerAll(): Disposable[] {
    const handlers: Record<string, Handler> = {
      overSelection: (given?: unknown) => this.overSelection(asGiven(given)),
      overFiles: (...given: unknown[]) => this.overFiles(given),
      overChanges: (given?: unknown) => this.overChanges(asGiven(given)),
      overProblems: (given?: unknown) => this.overProblems(asGiven(given)),
    };
    return Object.entries(handlers).map(([name, handler]) => this.register(`fanout.${name}`, handler));
  }

  private async overSelection(given: Given): Promise<string | undefined> {
    const selection = await ofActiveEditor();
    return selection === undefined ? undefined : this.flow.begin(selection, given);
  }

  private async overFiles(given: readonly unknown[]): Promise<string | undefined> {
    const selection = ofResources(given) ?? ofResources((await pickFiles()) ?? []);
    const said = given.find(
      (one) => typeof one === "object" && one !== null && ("instruction" in one || "options" in one),
    );
    return selection === undefined ? undefined : this.flow.begin(selection, asGiven(said));
  }

  private async overChanges(given: GivenSince): Promise<string | undefined> {
    const since = given.since === undefined ? await pickBranch() : { branch: given.since, folder: given.folder };
    return since === undefined ? undefined : this.flow.begin(ofChanges(since.branch, since.folder), given);
  }

  private async overProblems(given: Given): Promise<string | undefined> {
    const selection = await withProblems();
    if (selection === undefined) {
      void window.showInformationMessage("There are no errors or warnings in the workspace.");
      return undefined;
    }
    // Each item is a file with what is wrong in it: there is nothing to choose.
    return this.flow.begin(selection, { ...given, options: { split: "item", ...given.options } });
  }
}

/** Of what has no file on disk the user is told, and undefined. */
async function ofActiveEditor(): Promise<Selection | undefined> {
  const editor = window.activeTextEditor;
  const notebook = window.activeNotebookEditor?.notebook;
  if (editor?.document.uri.scheme === "file") return ofEditor(editor);
  // A cell is no file, the notebook is one.
  if (notebook?.uri.scheme === "file") return ofResources([notebook.uri]);
  if (editor === undefined) {
    void window.showInformationMessage("Open a file and select what the job is about.");
  } else if (editor.document.isUntitled) {
    return saved(editor.document.fileName);
  } else {
    void window.showInformationMessage("This text is no file on the disk. Open the file itself and select there.");
  }
  return undefined;
}

async function saved(name: string): Promise<Selection | undefined> {
  const save = "Save As...";
  const text = `${name} is not saved. Agents work on the files of a git repository, so save it in one first.`;
  if ((await window.showInformationMessage(text, save)) !== save) return undefined;
  await commands.executeCommand("workbench.action.files.saveAs");
  const editor = window.activeTextEditor;
  return editor?.document.uri.scheme === "file" ? ofEditor(editor) : undefined;
}

async function withProblems(): Promise<Selection | undefined> {
  const found = (workspace.workspaceFolders ?? []).flatMap((folder) => {
    const selection = ofProblems(folder.uri);
    return selection === undefined ? [] : [{ label: folder.name, selection }];
  });
  if (found.length < 2) return found[0]?.selection;
  return (await window.showQuickPick(found, { placeHolder: "Of which folder?" }))?.selection;
}

function asGiven(value: unknown): GivenSince {
  if (typeof value !== "object" || value === null) return {};
  const { instruction, options, run, since, folder } = value as GivenSince;
  return {
    ...(instruction === undefined ? {} : { instruction }),
    ...(options === undefined ? {} : { options }),
    ...(run === undefined ? {} : { run }),
    ...(since === undefined ? {} : { since }),
    ...(folder === undefined ? {} : { folder }),
  };
}
