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
  const unticked = items.filter((one) => !wanted.has(one));
  const units = unticked.flatMap((one) => one.unit ?? []);
  // One that several units changed stands at each of them.
  const files = unticked.flatMap((one) => one.file ?? []);
  choice.leaveOut(run.runId, new Set(units), new Set(files));
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
