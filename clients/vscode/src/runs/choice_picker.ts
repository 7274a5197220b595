import { type QuickPickItem, QuickPickItemKind, Uri, window, workspace } from "vscode";
import type { Run, Unit } from "../generated/commands.js";
import type { Choice } from "./choice.js";
import { describeUnit, headline } from "./words.js";

type Item = QuickPickItem & { unit?: string; file?: string };

/** Units and files of a run with check boxes, as in the view: what is unticked is left out when it is applied. */
export async function pickChoice(run: Run, choice: Choice): Promise<boolean> {
  const changed = run.units.filter((unit) => unit.state === "done" && unit.files.length > 0);
  const items = changed.flatMap((unit) => itemsOf(run, unit, choice));
  const title = `Fan Out: ${headline(run.instruction, 40)}`;
  const placeHolder = "What is to be applied? The rest is left out";
  const ticked = await window.showQuickPick(items, { title, placeHolder, canPickMany: true });
  if (ticked === undefined) return false;
  const wanted = new Set(ticked);
  const files = new Map<string, boolean>();
  for (const one of items) {
    if (one.unit !== undefined) choice.setUnit(run.runId, one.unit, wanted.has(one));
    // One that several units changed stands at each of them.
    if (one.file !== undefined) files.set(one.file, (files.get(one.file) ?? true) && wanted.has(one));
  }
  for (const [file, is] of files) choice.setFile(run.runId, file, is);
  return true;
}

function itemsOf(run: Run, unit: Unit, choice: Choice): Item[] {
  return [
    { label: "", kind: QuickPickItemKind.Separator },
    {
      label: `Unit ${unit.title}`,
      description: describeUnit(unit, unit.seconds, undefined),
      picked: choice.hasUnit(run.runId, unit.id),
      unit: unit.id,
    },
    ...unit.files.map((file) => ({
      label: `$(file) ${workspace.asRelativePath(Uri.parse(file))}`,
      description: "file",
      picked: choice.hasFile(run.runId, file),
      file,
    })),
  ];
}
