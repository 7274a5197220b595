import type { FanoutOptions, Preview, Selection } from "../generated/commands.js";
import type { Arguments } from "../server/api.js";

/** What the user has said so far about a run that is to be. */
export interface Draft {
  readonly selection: Selection;
  readonly instruction?: string;
  readonly options: FanoutOptions;
  readonly units?: readonly string[];
  readonly preview?: Preview;
}

/** What a key binding or another extension may say beforehand: the steps for it are left out. */
export interface Given {
  readonly instruction?: string;
  readonly options?: FanoutOptions;
  /** With an instruction: at once, as the settings have it, without a question. */
  readonly run?: boolean;
}

export function argumentOf(draft: Draft): Arguments<"fanout.run"> {
  return {
    selection: draft.selection,
    options: draft.options,
    ...(draft.instruction ? { instruction: draft.instruction } : {}),
    ...(draft.units === undefined ? {} : { units: [...draft.units] }),
  };
}

/** What a step came to: the draft with its answer, a step back, or the end of it all. */
export type Outcome = Draft | "back" | undefined;

export interface Step {
  /** Whether there is something to ask. */
  wanted(draft: Draft): boolean;
  ask(draft: Draft, first: boolean): Promise<Outcome>;
}
