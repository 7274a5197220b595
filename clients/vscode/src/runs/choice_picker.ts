import { type QuickPickItem, QuickPickItemKind } from "vscode";
import type { Run } from "../generated/commands.js";
import { menu, type Shown } from "../menu.js";
import type { Choice } from "./choice.js";
import { partsOf } from "./contexts.js";
import { nameOfFile } from "./place.js";
import { followed, keyOf, type Part, type Row, type Ticks } from "./ticks.js";
import { describeUnit, headline } from "./words.js";

type Item = QuickPickItem & { row?: Row };

/** Units and files of a run with check boxes, as in the view: what is unticked is left out when it is applied. */
export async function pickChoice(run: Run, choice: Choice): Promise<void> {
  const parts = partsOf(run);
  let ticks = choice.ticks(run);
  const answer = await menu({
    title: `Fan Out: ${headline(run.instruction, 40)}`,
    placeholder: "What is to be applied? The rest is left out",
    items: itemsOf(run, parts, ticks),
    first: true,
    many: true,
    ticked: (chosen: readonly Item[], shown: Shown<Item>) => {
      const now = new Set(chosen.flatMap(({ row }) => (row === undefined ? [] : [keyOf(row)])));
      ticks = followed(parts, ticks, now);
      if (ticks.size !== now.size || [...ticks].some((key) => !now.has(key))) {
        shown.reword(itemsOf(run, parts, ticks));
      }
    },
  });
  if (answer !== undefined && answer !== "back") choice.take(run, ticks);
}

function itemsOf(run: Run, parts: readonly Part[], ticks: Ticks): Item[] {
  const units = new Map(run.units.map((unit) => [unit.id, unit]));
  const item = (label: string, description: string, row: Row): Item => {
    return { label, description, row, picked: ticks.has(keyOf(row)) };
  };
  return parts.flatMap(({ unit: id, files }) => {
    const unit = units.get(id);
    if (unit === undefined) return [];
    return [
      { label: "", kind: QuickPickItemKind.Separator },
      item(`Unit ${unit.title}`, describeUnit(unit, unit.seconds, undefined), { unit: id }),
      ...files.map((file) => item(`$(file) ${nameOfFile(file)}`, `file of ${unit.title}`, { unit: id, file })),
    ];
  });
}
