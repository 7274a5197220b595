import { window } from "vscode";
import { menu } from "../menu.js";
import type { Draft } from "./draft.js";
import { AS_PLAN, type Look, type PreviewItem, SeenPreview, WARNINGS } from "./seen_preview.js";

const TITLE = "Fan Out: Preview";

export type Decision = { what: "run" | "plan"; draft: Draft } | "back" | undefined;

/** The units with check boxes, the warnings at them, and the price of what is ticked: run it, or make a plan of it. */
export class PreviewStep {
  constructor(
    private readonly look: Look,
    private readonly show: (draft: Draft) => Promise<void>,
  ) {}

  async ask(draft: Draft, first: boolean): Promise<Decision> {
    for (let ticked = draft; ; ) {
      const answer = await this.askOnce(draft, ticked.units, first);
      if (answer === undefined || answer === "back") return answer;
      const ids = idsOf(answer.chosen);
      ticked = answer.all ? draft : { ...draft, units: ids };
      if (answer.button === WARNINGS) {
        await this.show(draft);
      } else if (ids.length > 0) {
        return { what: answer.button === AS_PLAN ? "plan" : "run", draft: ticked };
      } else {
        void window.showInformationMessage(
          "Nothing is ticked, so there is nothing to run: tick a unit, or press Escape.",
        );
      }
    }
  }

  private async askOnce(draft: Draft, ticked: readonly string[] | undefined, first: boolean) {
    const seen = new SeenPreview(draft, this.look);
    try {
      const answer = await menu({
        title: TITLE,
        placeholder: "What the units are, and what they will cost...",
        items: seen.begin(ticked),
        first,
        many: true,
        ticked: (chosen: readonly PreviewItem[], shown) => seen.turn(idsOf(chosen), shown),
      });
      if (answer === undefined || answer === "back") return answer;
      const button = "button" in answer ? answer.button : undefined;
      return { chosen: answer.chosen, button, all: answer.chosen.length === seen.count };
    } finally {
      seen.dispose();
    }
  }
}

function idsOf(items: readonly PreviewItem[]): string[] {
  return items.map(({ unit }) => unit.id);
}
