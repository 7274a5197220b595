import { type QuickPickItem, QuickPickItemKind } from "vscode";
import type { Run, Unit } from "../generated/commands.js";
import { menu, type Shown } from "../menu.js";
import type { Choice } from "./choice.js";
import { canTake } from "./contexts.js";
import { nameOfFile } from "./place.js";
import { followed, keyOf, leftOut, type Part, type Row, type Ticks, ticksOf } from "./ticks.js";
import { describeUnit, headline } from "./words.js";

type Item = QuickPickItem & { row?: Row };

/** Units and files of a run with check boxes, as in the view: what is unticked is left out when it is applied. */
export async function pickChoice(run: Run, choice: Choice): Promise<void> {
  const units = run.units.filter((unit) => unit.state === "done" && filesOf(run, unit).length > 0);
  const parts = units.map((unit): Part => ({ unit: unit.id, files: filesOf(run, unit) }));
  let ticks = ticksOf(
    parts,
    (unit) => choice.hasUnit(run.runId, unit),
    (file) => choice.hasFile(run.runId, file),
  );
  const answer = await menu({
    title: `Fan Out: ${headline(run.instruction, 40)}`,
    placeholder: "What is to be applied? The rest is left out",
    items: itemsOf(units, parts, ticks),
    first: true,
    many: true,
    ticked: (chosen: readonly Item[], shown: Shown<Item>) => {
      const now = new Set(chosen.flatMap(({ row }) => (row === undefined ? [] : [keyOf(row)])));
      ticks = followed(parts, ticks, now);
      if (ticks.size !== now.size || [...ticks].some((key) => !now.has(key))) {
        shown.reword(itemsOf(units, parts, ticks));
      }
    },
  });
  if (answer === undefined || answer === "back") return;
  const out = leftOut(parts, ticks);
  choice.leaveOut(run.runId, out.units, out.files);
}

function filesOf(run: Run, unit: Unit): string[] {
  return unit.files.filter((file) => canTake(run, file));
}

function itemsOf(units: readonly Unit[], parts: readonly Part[], ticks: Ticks): Item[] {
  const item = (label: string, description: string, row: Row): Item => {
    return { label, description, row, picked: ticks.has(keyOf(row)) };
  };
  return units.flatMap((unit, at) => [
    { label: "", kind: QuickPickItemKind.Separator },
    item(`Unit ${unit.title}`, describeUnit(unit, unit.seconds, undefined), { unit: unit.id }),
    ...(parts[at]?.files ?? []).map((file) =>
      item(`$(file) ${nameOfFile(file)}`, `file of ${unit.title}`, { unit: unit.id, file }),
    ),
  ]);
}
