import { type QuickPickItem, QuickPickItemKind } from "vscode";
import type { OfferedPreset } from "../generated/commands.js";
import { menu } from "../menu.js";
import { headline } from "../runs/words.js";
import type { Draft, Outcome, Step } from "./draft.js";
import type { History } from "./history.js";
import type { OffersReader } from "./offers_reader.js";

type Item = QuickPickItem & { instruction?: string; preset?: OfferedPreset };

const TITLE = "Fan Out: Instruction";
const PLACEHOLDER = "What is each unit to do? {file}, {stem}, {symbol} and others are filled in.";

/** What is to be done: typed, or one of the presets, or what was done before. */
export class InstructionStep implements Step {
  constructor(
    private readonly history: History,
    private readonly offers: OffersReader,
  ) {}

  wanted(draft: Draft): boolean {
    return draft.instruction === undefined;
  }

  async ask(draft: Draft, first: boolean): Promise<Outcome> {
    let known: readonly Item[] = [];
    const rules = draft.options.rewrite !== undefined;
    const loading = this.known(draft, rules).then((items) => {
      known = items;
      return items;
    });
    const typed = (text: string): Item[] => {
      const own: Item[] =
        text.trim() === "" ? [] : [{ label: text, description: "as typed", instruction: text, alwaysShow: true }];
      return [...own, ...known.filter((one) => one.instruction !== text)];
    };
    const answer = await menu({ title: TITLE, placeholder: PLACEHOLDER, items: loading, first, typed });
    if (answer === undefined || answer === "back") return answer;
    const chosen = answer.chosen[0];
    if (chosen?.preset !== undefined) {
      return {
        ...draft,
        instruction: chosen.preset.instruction,
        options: { ...chosen.preset.options, ...draft.options },
      };
    }
    if (chosen?.instruction === undefined) return undefined;
    // Also for who goes no further than this: it may have been long.
    await this.history.add(chosen.instruction);
    return { ...draft, instruction: chosen.instruction };
  }

  private async known(draft: Draft, rules: boolean): Promise<Item[]> {
    const { presets } = await this.offers.first(draft.selection);
    const separator = (label: string): Item => ({ label, kind: QuickPickItemKind.Separator });
    const before = this.history.all.map((text): Item => ({ label: headline(text, 100), instruction: text }));
    return [
      ...(rules ? [{ label: "No instruction: the rules say it all", instruction: "" }] : []),
      ...(before.length > 0 ? [separator("before")] : []),
      ...before,
      ...(presets.length > 0 ? [separator("presets")] : []),
      ...presets.map((preset): Item => ({ label: preset.title, detail: headline(preset.instruction, 120), preset })),
    ];
  }
}
