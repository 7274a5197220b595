import type { Preview, Selection } from "../generated/commands.js";
import { waitFor } from "../menu.js";
import type { RunStore } from "../runs/run_store.js";
import type { Api } from "../server/api.js";
import { AgentStep } from "./agent_step.js";
import { argumentOf, type Draft, type Given, type Said, type Step } from "./draft.js";
import type { History } from "./history.js";
import { InstructionStep } from "./instruction_step.js";
import { OffersReader } from "./offers_reader.js";
import { PreviewStep } from "./preview_step.js";
import { SplitStep } from "./split_step.js";

/** From a selection to a run: split, instruction, agent, preview. Each step leads back to the one before. */
export class Flow {
  private readonly steps: readonly Step[];
  private readonly preview: PreviewStep;

  constructor(
    private readonly server: Api,
    private readonly store: RunStore,
    private readonly history: History,
  ) {
    const offers = new OffersReader(server);
    this.steps = [new SplitStep(), new InstructionStep(history, offers), new AgentStep(offers)];
    this.preview = new PreviewStep(
      (draft) => this.look(draft),
      async (draft) => {
        await server.execute("fanout.preview", { ...argumentOf(draft), show: true });
      },
    );
  }

  /** The run's id; undefined where there is none. */
  async begin(selection: Selection, given: Given = {}): Promise<string | undefined> {
    if (given.run && given.instruction !== undefined) {
      return this.run({ selection, instruction: given.instruction, options: given.options ?? {} });
    }
    const said: Said = {
      selection,
      options: given.options ?? {},
      ...(given.instruction === undefined ? {} : { instruction: given.instruction }),
    };
    const seen = await waitFor("Fan Out", "Looking at what is selected...", this.look(said));
    if (seen === undefined) return undefined;
    const drafts: Draft[] = [{ ...said, splits: seen.splits }];
    for (;;) {
      const draft = await this.askAll(drafts);
      if (draft === undefined) return undefined;
      const decision = await this.preview.ask(draft, drafts.length === 1);
      if (decision === undefined) return undefined;
      if (decision === "back") {
        drafts.pop();
      } else if (decision.what === "plan") {
        await this.server.execute("fanout.plan", argumentOf(decision.draft));
        return undefined;
      } else {
        return this.run(decision.draft);
      }
    }
  }

  /** `drafts` has what each step that was asked came to; the last one is the state of things. */
  private async askAll(drafts: Draft[]): Promise<Draft | undefined> {
    for (;;) {
      const draft = drafts.at(-1);
      if (draft === undefined) return undefined;
      const step = this.steps.find((one) => one.wanted(draft));
      if (step === undefined) return draft;
      const outcome = await step.ask(draft, drafts.length === 1);
      if (outcome === undefined) return undefined;
      if (outcome === "back") drafts.pop();
      else drafts.push(outcome);
    }
  }

  private async run(draft: Said): Promise<string> {
    const { runId } = await this.server.execute("fanout.run", argumentOf(draft));
    await this.history.add(draft.instruction ?? "");
    this.store.touch(runId);
    return runId;
  }

  private look(said: Said): Promise<Preview> {
    return this.server.execute("fanout.preview", argumentOf(said));
  }
}
