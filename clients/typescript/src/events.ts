/** What happens to a vendor's requests and system users, in order. */

import { take, type Client } from "./client.js";
import type { components } from "./rest/schema.js";

export type CloudEvent = components["schemas"]["CloudEvent"];

export interface EventPage {
  /** Oldest first. */
  events: CloudEvent[];
  /** The position behind them. */
  position: string;
}

/**
 * The events behind a position up to the newest, page by page; ends when there are no more for now. Store `position` in the
 * transaction that handles its page, and hand it in as `after` next time: then no event is missed, and none is handled twice.
 * Without `after` it begins with the first event.
 */
export async function* eventPages(client: Client, after?: string): AsyncGenerator<EventPage, void, void> {
  for (;;) {
    const query = after === undefined ? {} : { after };
    const page = await take(client.GET("/systembruker/api/v1/events", { params: { query } }));
    const next = page.links.next ? new URL(page.links.next).searchParams.get("after") : null;
    if (page.data.length === 0 || next === null) {
      return;
    }
    after = next;
    yield { events: page.data, position: next };
  }
}
