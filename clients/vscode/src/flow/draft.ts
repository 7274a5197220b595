import type { FanoutOptions, Selection, Split } from "../generated/commands.js";
import type { Arguments } from "../server/api.js";

/** What the user has said so far about a run that is to be. */
export interface Draft {
  readonly selection: Selection;
  readonly instruction?: string;
  readonly options: FanoutOptions;
  readonly units?: readonly string[];
  /** How the selection can be split, the best way first. */
  readonly splits: readonly Split[];
}

/** What a key binding or another extension may say beforehand: the steps for it are left out. */
export interface Given {
  readonly instruction?: string;
  readonly options?: FanoutOptions;
  /** With an instruction: at once, as the settings have it, without a question. */
  readonly run?: boolean;
}

/** What the server is told of it. */
export type Said = Omit<Draft, "splits">;

export function argumentOf(draft: Said) {
  return {
    selection: draft.selection,
    options: draft.options,
    ...(draft.instruction ? { instruction: draft.instruction } : {}),
    ...(draft.units === undefined ? {} : { units: [...draft.units] }),
  } satisfies Arguments<"fanout.run"> & Arguments<"fanout.plan">;
}

/** What a step came to: the draft with its answer, a step back, or the end of it all. */
export type Outcome = Draft | "back" | undefined;

export interface Step {
  /** Whether there is something to ask. */
  wanted(draft: Draft): boolean;
  ask(draft: Draft, first: boolean): Promise<Outcome>;
}
