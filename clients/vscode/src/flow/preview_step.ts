import { type QuickInputButton, type QuickPickItem, ThemeIcon } from "vscode";
import type { Finding, PlannedUnit, Preview } from "../generated/commands.js";
import { count, price } from "../runs/words.js";
import { argumentOf, type Draft } from "./draft.js";
import { menu } from "./menu.js";

type Item = QuickPickItem & { unit?: PlannedUnit };

const WARNINGS: QuickInputButton = {
  iconPath: new ThemeIcon("warning"),
  tooltip: "Show Warnings and Units as a Document",
};
const AS_PLAN: QuickInputButton = { iconPath: new ThemeIcon("new-file"), tooltip: "Open as Plan Document" };

export type Decision = { what: "run" | "plan"; draft: Draft } | "back" | undefined;

/** The units with check boxes, the warnings at them, and the price: run what is ticked, or make a plan of it. */
export class PreviewStep {
  constructor(
    private readonly look: (draft: Draft) => Promise<Preview>,
    private readonly show: (draft: Draft) => Promise<void>,
  ) {}

  async ask(draft: Draft, first: boolean): Promise<Decision> {
    const preview = await this.look(draft);
    for (;;) {
      const decision = await this.askOnce(draft, preview, first);
      if (decision !== "warnings") return decision;
      await this.show(draft);
    }
  }

  private async askOnce(draft: Draft, preview: Preview, first: boolean): Promise<Decision | "warnings"> {
    const { low, high } = preview.estimate;
    const warned = preview.warnings.length > 0 ? `, ${count(preview.warnings.length, "warning")}` : "";
    const title = `Fan Out: ${count(preview.units.length, "unit")}, ${price(low, high)}${warned}`;
    const placeholder = "OK runs what is ticked";
    const items = preview.units.map((unit) => itemOf(unit, preview.warnings));
    const buttons = [...(preview.warnings.length > 0 ? [WARNINGS] : []), AS_PLAN];
    const answer = await menu({ title, placeholder, items, first, many: true, buttons });
    if (answer === undefined || answer === "back") return answer;
    if ("button" in answer && answer.button === WARNINGS) return "warnings";
    const units = answer.chosen.flatMap((one) => (one.unit === undefined ? [] : [one.unit.id]));
    if (units.length === 0) return undefined;
    const chosen = units.length === preview.units.length ? draft : { ...draft, units };
    return { what: "button" in answer ? "plan" : "run", draft: chosen };
  }
}

export function planArgument(draft: Draft) {
  const { selection = draft.selection, instruction, options, units } = argumentOf(draft);
  return {
    selection: selection ?? draft.selection,
    ...(instruction ? { instruction } : {}),
    ...(options ? { options } : {}),
    ...(units ? { units } : {}),
  };
}

function itemOf(unit: PlannedUnit, warnings: readonly Finding[]): Item {
  const own = warnings.filter((one) => one.units.includes(unit.id));
  const notes = [
    ...(unit.kept ? [`as in run ${unit.kept}: taken from there`] : []),
    ...(unit.needs?.length ? [`needs ${unit.needs.join(", ")}`] : []),
  ];
  return {
    label: unit.title,
    description: notes.join(", "),
    picked: true,
    unit,
    ...(own.length > 0 ? { detail: own.map((one) => `$(${iconOf(one)}) ${one.message}`).join("  ") } : {}),
  };
}

function iconOf(finding: Finding): string {
  return finding.severity === "error" || finding.severity === "warning" ? finding.severity : "info";
}
