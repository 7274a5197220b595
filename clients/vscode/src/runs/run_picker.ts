import { window } from "vscode";
import type { Run } from "../generated/commands.js";
import type { Node } from "./nodes.js";
import { placeOf } from "./place.js";
import type { RunStore } from "./run_store.js";
import { describeRun, headline } from "./words.js";

/** The run that a command is about: of the view's node, or the only one that fits, or one that the user picks. */
export class RunPicker {
  constructor(private readonly store: RunStore) {}

  async pick(given: Node | string | undefined, fits: (run: Run) => boolean, nothing: string): Promise<Run | undefined> {
    if (!this.store.loaded) await this.store.refresh();
    if (given !== undefined) return this.store.get(typeof given === "string" ? given : given.run);
    const runs = this.store.runs.filter(fits);
    if (runs.length === 0) {
      void window.showInformationMessage(nothing);
      return undefined;
    }
    if (runs.length === 1) return runs[0];
    const items = runs.map((run) => ({
      label: headline(run.instruction) || run.runId,
      description: [describeRun(run), ...placeOf(run)].join(" · "),
      detail: `${run.runId}, ${new Date(run.started * 1000).toLocaleString()}`,
      run,
    }));
    return (await window.showQuickPick(items, { placeHolder: "Which run?", matchOnDescription: true }))?.run;
  }
}
