import { type QuickPickItem, QuickPickItemKind, window } from "vscode";
import type { OfferedAgent } from "../generated/commands.js";
import type { Draft, Outcome, Step } from "./draft.js";
import { menu } from "./menu.js";
import type { OffersCache } from "./offers_cache.js";

type Item = QuickPickItem & { agent?: OfferedAgent; why?: string };

/** Who is to do it: of the agents that work here, the one of the settings first. */
export class AgentStep implements Step {
  constructor(private readonly offers: OffersCache) {}

  wanted(draft: Draft): boolean {
    return (
      draft.options.agent === undefined && draft.options.command === undefined && draft.options.rewrite === undefined
    );
  }

  async ask(draft: Draft, first: boolean): Promise<Outcome> {
    const items = this.items(draft);
    const answer = await menu({ title: "Fan Out: Agent", placeholder: "Who is to do it?", items, first });
    if (answer === undefined || answer === "back") return answer;
    const chosen = answer.chosen[0];
    if (chosen?.why !== undefined) {
      void window.showInformationMessage("Agents that cannot be used here:", { modal: true, detail: chosen.why });
      return undefined;
    }
    return chosen?.agent === undefined
      ? undefined
      : { ...draft, options: { ...draft.options, agent: chosen.agent.name as NonNullable<Draft["options"]["agent"]> } };
  }

  private async items(draft: Draft): Promise<Item[]> {
    const { agents } = await this.offers.get(draft.selection);
    const usable = agents
      .filter((one) => one.usable)
      .sort((one, other) => Number(other.chosen ?? false) - Number(one.chosen ?? false));
    const others = agents.filter((one) => !one.usable);
    const why = others.map((one) => `${one.name}: ${one.problem}`).join("\n\n");
    return [
      ...usable.map(
        (agent): Item => ({
          label: agent.name,
          description: [agent.version, agent.chosen ? "as set" : ""].filter(Boolean).join(", "),
          detail: agent.models ? "works with a model, which costs something" : "built in, or a program of yours",
          agent,
        }),
      ),
      ...(others.length > 0
        ? [
            { label: "not here", kind: QuickPickItemKind.Separator },
            { label: `$(info) Why not ${others.map((one) => one.name).join(", ")}?`, why, alwaysShow: true },
          ]
        : []),
    ];
  }
}
