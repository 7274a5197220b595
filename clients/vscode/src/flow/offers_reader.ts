import type { Offers, Selection } from "../generated/commands.js";
import type { Api } from "../server/api.js";

const WAIT_MS = 150;
const MOST_MS = 3000;

/** Which agents and presets there are for a selection. */
export class OffersReader {
  constructor(private readonly server: Api) {}

  /** All presets, and the agents whose programs have told their version already. */
  first(selection: Selection): Promise<Offers> {
    const uri = selection.uri ?? selection.uris?.[0] ?? selection.folder;
    return this.server.execute("fanout.offers", uri ? { uri } : {});
  }

  /** Waits until every program has told its version; not `complete` where one needs too long. */
  async all(selection: Selection): Promise<Offers> {
    const until = Date.now() + MOST_MS;
    for (;;) {
      const told = await this.first(selection);
      if (told.complete !== false || Date.now() > until) return told;
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
  }
}
