import type { Offers, Selection } from "../generated/commands.js";
import type { Api } from "../server/api.js";

const WAIT_MS = 150;
const MOST_MS = 20_000;

/** Which agents and presets there are for a selection; waits until every program has told its version. */
export class OffersCache {
  constructor(private readonly server: Api) {}

  async get(selection: Selection): Promise<Offers> {
    const uri = selection.uri ?? selection.uris?.[0] ?? selection.folder;
    const until = Date.now() + MOST_MS;
    for (;;) {
      const told = await this.server.execute("fanout.offers", uri ? { uri } : {});
      if (told.complete !== false || Date.now() > until) return told;
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
  }
}
