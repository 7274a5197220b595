import { type QuickInputButton, QuickInputButtons, type QuickPick, type QuickPickItem, window } from "vscode";

/** What of a menu may change while it is shown. */
export interface Head {
  readonly title: string;
  readonly placeholder: string;
  /** More about it, where the items begin. */
  readonly prompt?: string;
  readonly buttons: readonly QuickInputButton[];
}

/** A menu while the user sees it. */
export interface Shown<T> {
  say(head: Head): void;
  /**
   * The same ones in the same order, with other words at them. What is ticked is what they say. Others would be taken for
   * those of before where the user chooses just then: VS Code tells of items by their place.
   */
  reword(items: readonly T[]): void;
}

export interface MenuOptions<T extends QuickPickItem> {
  readonly title: string;
  readonly placeholder: string;
  readonly items: readonly T[] | Promise<readonly T[]>;
  readonly first: boolean;
  readonly many?: boolean;
  /** As the user types, and when the items are there; what it returns is shown. */
  typed?(text: string): readonly T[];
  /** The items are there, or others are ticked than before. */
  ticked?(chosen: readonly T[], shown: Shown<T>): void;
}

export type Answer<T> =
  | { chosen: readonly T[] }
  | { button: QuickInputButton; chosen: readonly T[] }
  | "back"
  | undefined;

/** A quick pick with a way back, which stays while the user looks elsewhere, and is busy until its items are there. */
export async function menu<T extends QuickPickItem>(options: MenuOptions<T>): Promise<Answer<T>> {
  const pick = window.createQuickPick<T>();
  const back = options.first ? [] : [QuickInputButtons.Back];
  const shown: Shown<T> = {
    say(head) {
      pick.title = head.title;
      pick.buttons = [...back, ...head.buttons];
      explain(pick, head);
    },
    reword(items) {
      const at = pick.items.indexOf(pick.activeItems[0] as T);
      pick.keepScrollPosition = true;
      put(pick, items);
      pick.activeItems = at < 0 ? [] : items.slice(at, at + 1);
    },
  };
  shown.say({ ...options, buttons: [] });
  pick.canSelectMany = options.many ?? false;
  pick.ignoreFocusOut = true;
  pick.matchOnDescription = true;
  pick.matchOnDetail = true;
  const answer = new Promise<Answer<T>>((resolve) => {
    pick.onDidAccept(() => {
      // Before there is something nothing can be meant by it; but what was typed counts at once.
      if (!pick.busy || pick.selectedItems.length > 0) resolve({ chosen: pick.selectedItems });
    });
    pick.onDidHide(() => resolve(undefined));
    pick.onDidTriggerButton((button) =>
      resolve(button === QuickInputButtons.Back ? "back" : { button, chosen: pick.selectedItems }),
    );
    pick.onDidChangeValue((text) => {
      if (options.typed !== undefined) pick.items = options.typed(text);
    });
    pick.onDidChangeSelection((chosen) => {
      if (!pick.busy) options.ticked?.(chosen, shown);
    });
  });
  try {
    pick.show();
    return await Promise.race([answer, fill(pick, options, shown).then(() => answer)]);
  } finally {
    pick.dispose();
  }
}

/** An older VS Code than our types know has no place for the prompt but the empty input. */
function explain(pick: QuickPick<QuickPickItem> & { prompt?: string }, { placeholder, prompt }: Head): void {
  if ("prompt" in pick) pick.prompt = prompt;
  pick.placeholder = "prompt" in pick || prompt === undefined ? placeholder : `${placeholder}. ${prompt}`;
}

/**
 * Has the keyboard at once, since what is typed would go into the user's text, until the answer is there. Undefined: the
 * user has given up.
 */
export async function waitFor<T>(title: string, placeholder: string, answer: Promise<T>): Promise<T | undefined> {
  const pick = window.createQuickPick();
  pick.title = title;
  pick.placeholder = placeholder;
  pick.busy = true;
  pick.ignoreFocusOut = true;
  const givenUp = new Promise<undefined>((resolve) => pick.onDidHide(() => resolve(undefined)));
  try {
    pick.show();
    return await Promise.race([answer, givenUp]);
  } finally {
    pick.dispose();
  }
}

async function fill<T extends QuickPickItem>(
  pick: QuickPick<T>,
  options: MenuOptions<T>,
  shown: Shown<T>,
): Promise<void> {
  pick.busy = true;
  const items = await options.items;
  put(pick, options.typed === undefined ? items : options.typed(pick.value));
  pick.busy = false;
  options.ticked?.(pick.selectedItems, shown);
}

function put<T extends QuickPickItem>(pick: QuickPick<T>, items: readonly T[]): void {
  pick.items = items;
  if (pick.canSelectMany) pick.selectedItems = items.filter((one) => one.picked);
}
