// What a person's hands do in VS Code's window: keys, the palette, menus, notifications; and pictures of it.
import { join } from "node:path";

const LIMIT_MS = 30_000;
const LOOK_MS = 5000;

export class Hands {
  constructor(page, pictures) {
    this.page = page;
    this.pictures = pictures;
    page.setDefaultTimeout(LIMIT_MS);
  }

  async ready() {
    await this.page.locator(".monaco-workbench").waitFor({ timeout: 2 * LIMIT_MS });
    // It has come this far, but not all that extensions bring needs to be there.
    await this.page
      .locator('.activitybar [aria-label^="Fan Out"]')
      .first()
      .waitFor({ timeout: 2 * LIMIT_MS });
  }

  async press(...keys) {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  async type(text) {
    await this.page.keyboard.type(text);
  }

  /** The input that these keys bring, once the one before is gone. */
  async ask(keys, timeout = LIMIT_MS) {
    const input = this.page.locator(".quick-input-widget input[type=text]");
    await input.waitFor({ state: "hidden" });
    await this.press(keys);
    await input.waitFor({ timeout });
    return input;
  }

  /**
   * The palette's entry of this name, which is to be there soon: of a window that is only just open extensions' commands may
   * come later than their views, which VS Code remembers, and a palette that is open does not get them. And what the
   * command before it shows may take the focus only then, which closes the palette.
   */
  async command(name) {
    const last = Date.now() + LIMIT_MS;
    for (;;) {
      try {
        await this.palette(name);
        break;
      } catch (error) {
        if (Date.now() > last) throw error;
        await this.press("Escape");
      }
    }
    await this.press("Enter");
  }

  async palette(name) {
    const input = await this.ask("F1", LOOK_MS);
    await input.fill(`>${name}`, { timeout: LOOK_MS });
    const row = this.page.locator(".quick-input-list .monaco-list-row.focused", { hasText: name });
    await row.waitFor({ timeout: LOOK_MS });
  }

  async open(name) {
    const input = await this.ask("Control+p");
    await input.fill(name);
    await this.page.locator(".quick-input-list .monaco-list-row.focused", { hasText: name }).waitFor();
    await this.press("Enter");
    await this.page.locator(".tab.active", { hasText: name }).waitFor();
  }

  /** The quick pick with this in its title, once it has rows. */
  async menu(title) {
    await this.page.locator(".quick-input-title", { hasText: title }).waitFor();
    await this.page.locator(".quick-input-list .monaco-list-row").first().waitFor();
  }

  async see(selector, text) {
    await this.page.locator(selector, { hasText: text }).first().waitFor();
  }

  rows(text) {
    return this.page.locator(".quick-input-list .monaco-list-row", { hasText: text });
  }

  node(text) {
    return this.page.locator('.pane-body [role="treeitem"]', { hasText: text }).first();
  }

  notification(text) {
    return this.page.locator(".notifications-toasts .notification-list-item", { hasText: text }).first();
  }

  async answer(text, button) {
    const shown = this.notification(text);
    await shown.waitFor();
    await shown.locator(".monaco-button", { hasText: button }).first().click();
  }

  /** Right click, and then through the menus by these names. */
  async choose(locator, ...names) {
    await locator.click({ button: "right" });
    await this.follow(...names);
  }

  /** Through menus that are open, by these names. */
  async follow(...names) {
    for (const name of names) {
      // What is pointed at gets the focus; a click is not taken where the menu has only just opened.
      await this.page.locator(".monaco-menu .action-item", { hasText: name }).last().hover();
      await this.page.locator(".monaco-menu .action-item.focused", { hasText: name }).last().waitFor();
      await this.press("Enter");
    }
  }

  /** Types an answer into the input box with this in its title. */
  async tell(title, text) {
    await this.page.locator(".quick-input-title", { hasText: title }).waitFor();
    await this.page.locator(".quick-input-widget input[type=text]").fill(text);
    await this.press("Enter");
  }

  async clear() {
    await this.command("Notifications: Clear All Notifications");
  }

  async picture(name) {
    if (this.pictures) await this.page.screenshot({ path: join(this.pictures, `${name}.png`), animations: "disabled" });
  }
}
