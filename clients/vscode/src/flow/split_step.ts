import { type QuickPickItem, QuickPickItemKind } from "vscode";
import type { Split } from "../generated/commands.js";
import { menu } from "../menu.js";
import type { Draft, Outcome, Step } from "./draft.js";

type Item = QuickPickItem & { split?: Split };

const WORDS: Record<string, string> = {
  path: "one unit for each file",
  symbol: "one unit for each function or class",
  diagnostic: "one unit for each file with problems",
  item: "one unit for each item of the list",
  folder: "one unit for each folder",
  line: "one unit for each line",
};

/** How the selection is to be split, with counts; the best way first. */
export class SplitStep implements Step {
  wanted(draft: Draft): boolean {
    return draft.options.split === undefined && draft.splits.length > 1;
  }

  async ask(draft: Draft, first: boolean): Promise<Outcome> {
    const items: Item[] = draft.splits.map((split) => ({
      label: split.label,
      description: WORDS[split.kind] ?? split.kind,
      split,
    }));
    items.splice(1, 0, { label: "other ways", kind: QuickPickItemKind.Separator });
    const answer = await menu({ title: "Fan Out: Split", placeholder: "What is one unit?", items, first });
    if (answer === undefined || answer === "back") return answer;
    const split = answer.chosen[0]?.split;
    if (split === undefined) return undefined;
    return { ...draft, options: { ...draft.options, split: split.kind as NonNullable<Draft["options"]["split"]> } };
  }
}
