import { type QuickInputButton, QuickInputButtons, type QuickPick, type QuickPickItem, window } from "vscode";

export interface MenuOptions<T extends QuickPickItem> {
  readonly title: string;
  readonly placeholder: string;
  readonly items: readonly T[] | Promise<readonly T[]>;
  readonly first: boolean;
  readonly many?: boolean;
  readonly buttons?: readonly QuickInputButton[];
  /** As the user types; what it returns is shown. */
  typed?(text: string): readonly T[];
}

export type Answer<T> =
  | { chosen: readonly T[] }
  | { button: QuickInputButton; chosen: readonly T[] }
  | "back"
  | undefined;

/** A quick pick with a way back, which stays while the user looks elsewhere, and is busy until its items are there. */
export async function menu<T extends QuickPickItem>(options: MenuOptions<T>): Promise<Answer<T>> {
  const pick = window.createQuickPick<T>();
  pick.title = options.title;
  pick.placeholder = options.placeholder;
  pick.canSelectMany = options.many ?? false;
  pick.ignoreFocusOut = true;
  pick.matchOnDescription = true;
  pick.matchOnDetail = true;
  pick.buttons = [...(options.first ? [] : [QuickInputButtons.Back]), ...(options.buttons ?? [])];
  const answer = new Promise<Answer<T>>((resolve) => {
    pick.onDidAccept(() => resolve({ chosen: pick.selectedItems }));
    pick.onDidHide(() => resolve(undefined));
    pick.onDidTriggerButton((button) =>
      resolve(button === QuickInputButtons.Back ? "back" : { button, chosen: pick.selectedItems }),
    );
    pick.onDidChangeValue((text) => {
      if (options.typed !== undefined) pick.items = options.typed(text);
    });
  });
  try {
    pick.show();
    await fill(pick, options);
    return await answer;
  } finally {
    pick.dispose();
  }
}

async function fill<T extends QuickPickItem>(pick: QuickPick<T>, options: MenuOptions<T>): Promise<void> {
  pick.busy = true;
  const items = await options.items;
  pick.items = items;
  if (options.many) pick.selectedItems = items.filter((one) => one.picked);
  pick.busy = false;
}
