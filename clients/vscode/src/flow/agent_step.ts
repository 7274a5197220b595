import { type QuickPickItem, QuickPickItemKind, window } from "vscode";
import type { OfferedAgent, Offers } from "../generated/commands.js";
import { menu } from "../menu.js";
import { headline } from "../runs/words.js";
import { showSetting } from "../server/setting_page.js";
import type { Draft, Outcome, Step } from "./draft.js";
import type { OffersReader } from "./offers_reader.js";

type Agent = NonNullable<Draft["options"]["agent"]>;
type Item = QuickPickItem & { agent?: OfferedAgent };

const AGAIN: Item = {
  label: "$(refresh) Look Again",
  detail: "the programs of others have not told their version yet",
  alwaysShow: true,
};
const SETTINGS = "Open Settings";

/** Who is to do it: of the agents that work here, the one of the settings first; below them why the others do not. */
export class AgentStep implements Step {
  constructor(private readonly offers: OffersReader) {}

  wanted(draft: Draft): boolean {
    return (
      draft.options.agent === undefined && draft.options.command === undefined && draft.options.rewrite === undefined
    );
  }

  async ask(draft: Draft, first: boolean): Promise<Outcome> {
    for (;;) {
      const items = this.offers.all(draft.selection).then(itemsOf);
      const answer = await menu({ title: "Fan Out: Agent", placeholder: "Who is to do it?", items, first });
      if (answer === undefined || answer === "back") return answer;
      const [item] = answer.chosen;
      if (item === AGAIN) continue;
      const agent = item?.agent;
      if (agent === undefined) return undefined;
      if (agent.usable) return { ...draft, options: { ...draft.options, agent: agent.name as Agent } };
      if ((await tellWhyNot(agent)) === SETTINGS) return undefined;
    }
  }
}

function itemsOf({ agents, complete }: Offers): Item[] {
  const usable = agents
    .filter((one) => one.usable)
    .sort((one, other) => Number(other.chosen ?? false) - Number(one.chosen ?? false));
  const others = agents.filter((one) => !one.usable);
  return [
    ...usable.map(
      (agent): Item => ({
        label: agent.name,
        description: [agent.version, agent.chosen ? "as set" : ""].filter(Boolean).join(", "),
        detail: agent.models ? "works with a model, which costs something" : "built in, or a program of yours",
        agent,
      }),
    ),
    ...(complete === false ? [AGAIN] : []),
    ...(others.length > 0 ? [{ label: "cannot be used here", kind: QuickPickItemKind.Separator }] : []),
    ...others.map(
      (agent): Item => ({
        label: `$(circle-slash) ${agent.name}`,
        detail: headline(agent.problem ?? "", 100),
        agent,
      }),
    ),
  ];
}

async function tellWhyNot({ name, problem }: OfferedAgent): Promise<string | undefined> {
  const text = `Fan Out cannot use ${name} here`;
  const chosen = await window.showInformationMessage(text, { modal: true, detail: problem ?? "" }, SETTINGS);
  if (chosen === SETTINGS) await showSetting("fanout.options");
  return chosen;
}
