import { type QuickInputButton, type QuickPickItem, ThemeIcon, window } from "vscode";
import type { Finding, PlannedUnit, Preview } from "../generated/commands.js";
import { type Head, menu, type Shown } from "../menu.js";
import { Throttle } from "../runs/throttle.js";
import { count, price } from "../runs/words.js";
import type { Draft } from "./draft.js";

type Item = QuickPickItem & { unit?: PlannedUnit };

const TITLE = "Fan Out: Preview";
const EVERY_MS = 300;
const LOOKS = 30;
const WARNINGS: QuickInputButton = {
  iconPath: new ThemeIcon("warning"),
  tooltip: "Show Warnings and Units as a Document",
};
const AS_PLAN: QuickInputButton = { iconPath: new ThemeIcon("new-file"), tooltip: "Open as Plan Document" };

type Look = (draft: Draft) => Promise<Preview>;

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
    const seen = new Seen(draft, this.look);
    try {
      const answer = await menu({
        title: TITLE,
        placeholder: "What the units are, and what they will cost...",
        items: seen.begin(ticked),
        first,
        many: true,
        ticked: (chosen: readonly Item[], shown) => seen.turn(idsOf(chosen), shown),
      });
      if (answer === undefined || answer === "back") return answer;
      const button = "button" in answer ? answer.button : undefined;
      return { chosen: answer.chosen, button, all: answer.chosen.length === seen.count };
    } finally {
      seen.dispose();
    }
  }
}

/** What is known of the units while they are looked at: it becomes more by itself, and the price is of what is ticked. */
class Seen {
  private readonly asking = new Throttle(EVERY_MS, () => this.askAgain());
  private whole: Preview | undefined;
  private ticked: readonly string[] = [];
  private shown: Shown<Item> | undefined;
  private looks = 0;

  constructor(
    private readonly draft: Draft,
    private readonly look: Look,
  ) {}

  get count(): number {
    return this.whole?.units.length ?? 0;
  }

  async begin(ticked: readonly string[] | undefined): Promise<Item[]> {
    const whole = await this.look(this.draft);
    this.whole = whole;
    return itemsOf(whole, ticked === undefined ? undefined : new Set(ticked));
  }

  turn(ticked: readonly string[], shown: Shown<Item>): void {
    this.ticked = ticked;
    this.shown = shown;
    this.asking.call();
  }

  dispose(): void {
    this.shown = undefined;
    this.asking.dispose();
  }

  private async askAgain(): Promise<void> {
    const { whole, ticked } = this;
    if (whole === undefined) return;
    const told =
      ticked.length === 0 || ticked.length === this.count
        ? whole
        : await this.look({ ...this.draft, units: ticked }).catch(() => undefined);
    // Others were ticked meanwhile: the next answer is of them.
    if (ticked === this.ticked) this.shown?.say(headOf(whole, told, ticked.length));
    if (whole.complete === false && this.looks < LOOKS) await this.lookAgain();
  }

  /** With what imports, history and earlier runs have to say: it takes too long to wait for before anything is shown. */
  private async lookAgain(): Promise<void> {
    this.looks += 1;
    const whole = await this.look(this.draft).catch(() => undefined);
    if (whole !== undefined && whole.complete !== false) {
      this.whole = whole;
      this.shown?.reword(itemsOf(whole, new Set(this.ticked)));
    }
    this.asking.call();
  }
}

function idsOf(items: readonly Item[]): string[] {
  return items.flatMap((one) => (one.unit === undefined ? [] : [one.unit.id]));
}

function itemsOf({ units, warnings }: Preview, ticked: ReadonlySet<string> | undefined): Item[] {
  const byUnit = new Map<string, Finding[]>();
  for (const one of warnings) {
    for (const id of one.units) byUnit.set(id, [...(byUnit.get(id) ?? []), one]);
  }
  return units.map((unit) => itemOf(unit, byUnit.get(unit.id) ?? [], ticked?.has(unit.id) ?? true));
}

/** `told` is of what is ticked; undefined where the server could not say. */
function headOf(whole: Preview, told: Preview | undefined, ticked: number): Head {
  const all = whole.units.length;
  const which = ticked === all ? count(all, "unit") : `${ticked} of ${count(all, "unit")}`;
  const cost = told === undefined ? "price not known" : price(told.estimate.low, told.estimate.high);
  const ofAll = whole.warnings.filter((one) => one.units.length === 0).map((one) => `${one.severity}: ${one.message}`);
  const warned = whole.warnings.length > 0 ? [count(whole.warnings.length, "warning")] : [];
  return {
    title: `Fan Out: ${[which, ...(ticked === 0 ? [] : [cost]), ...warned].join(", ")}`,
    placeholder: ticked === 0 ? "Tick what is to be run" : "OK runs what is ticked",
    prompt: [told?.estimate.basis, ...ofAll].filter(Boolean).join(" "),
    buttons: [...(whole.warnings.length > 0 ? [WARNINGS] : []), AS_PLAN],
  };
}

function itemOf(unit: PlannedUnit, own: readonly Finding[], picked: boolean): Item {
  const notes = [
    ...(unit.kept ? [`as in run ${unit.kept}: taken from there`] : []),
    ...(unit.needs?.length ? [`needs ${unit.needs.join(", ")}`] : []),
  ];
  return {
    label: unit.title,
    description: notes.join(", "),
    picked,
    unit,
    ...(own.length > 0 ? { detail: own.map((one) => `$(${iconOf(one)}) ${one.message}`).join("  ") } : {}),
  };
}

function iconOf(finding: Finding): string {
  return finding.severity === "error" || finding.severity === "warning" ? finding.severity : "info";
}
