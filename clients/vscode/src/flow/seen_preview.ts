import { type QuickInputButton, type QuickPickItem, ThemeIcon } from "vscode";
import type { Finding, PlannedUnit, Preview } from "../generated/commands.js";
import type { Head, Shown } from "../menu.js";
import { Throttle } from "../runs/throttle.js";
import { count, price } from "../runs/words.js";
import type { Draft } from "./draft.js";

export type PreviewItem = QuickPickItem & { readonly unit: PlannedUnit };
export type Look = (draft: Draft) => Promise<Preview>;

const EVERY_MS = 300;
const LOOKS = 30;
export const WARNINGS: QuickInputButton = {
  iconPath: new ThemeIcon("warning"),
  tooltip: "Show Warnings and Units as a Document",
};
export const AS_PLAN: QuickInputButton = { iconPath: new ThemeIcon("new-file"), tooltip: "Open as Plan Document" };

/** What is known of the units while they are looked at: it becomes more by itself, and the price is of what is ticked. */
export class SeenPreview {
  private readonly asking = new Throttle(EVERY_MS, () => this.askAgain());
  private whole: Preview | undefined;
  private ticked: readonly string[] = [];
  private shown: Shown<PreviewItem> | undefined;
  private looks = 0;

  constructor(
    private readonly draft: Draft,
    private readonly look: Look,
  ) {}

  get count(): number {
    return this.whole?.units.length ?? 0;
  }

  async begin(ticked: readonly string[] | undefined): Promise<PreviewItem[]> {
    const whole = await this.look(this.draft);
    this.whole = whole;
    return itemsOf(whole, ticked === undefined ? undefined : new Set(ticked));
  }

  turn(ticked: readonly string[], shown: Shown<PreviewItem>): void {
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

function itemsOf({ units, warnings }: Preview, ticked: ReadonlySet<string> | undefined): PreviewItem[] {
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

function itemOf(unit: PlannedUnit, own: readonly Finding[], picked: boolean): PreviewItem {
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
