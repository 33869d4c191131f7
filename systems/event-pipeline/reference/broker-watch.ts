/** Whether the broker is there, as far as capture knows: it is asked for the topic's metadata once a second, on a connection of its own. */
import { Admin } from '@platformatic/kafka';
import { EVENTS_TOPIC } from '../names.ts';
import { clientOptions } from './kafka-clients.ts';

const ASK_EVERY_MS = 1_000;
const ASK_TIMEOUT_MS = 1_500;
/** Confirmed no longer ago than this counts as there. One missed answer is no outage. */
const FRESH_MS = 3_500;

export class BrokerWatch {
  readonly #url: URL;
  readonly #log: (text: string) => void;
  readonly #timer: NodeJS.Timeout;
  #admin: Admin;
  #asking = false;
  #confirmedMs = -Infinity;
  #wasThere = false;

  /** Starts asking at once. */
  constructor(url: URL, log: (text: string) => void) {
    this.#url = url;
    this.#log = log;
    this.#admin = this.#newAdmin();
    this.#timer = setInterval(() => void this.#ask(), ASK_EVERY_MS);
    void this.#ask();
  }

  get isThere(): boolean {
    return performance.now() - this.#confirmedMs < FRESH_MS;
  }

  /** The broker has answered, or acknowledged records. */
  confirm(): void {
    this.#confirmedMs = performance.now();
    if (this.#wasThere) return;
    this.#wasThere = true;
    this.#log('the broker is there');
  }

  close(): void {
    clearInterval(this.#timer);
    this.#admin.close().catch(() => undefined);
  }

  #newAdmin(): Admin {
    return new Admin(clientOptions(this.#url, 'capture-api-ready', ASK_TIMEOUT_MS));
  }

  async #ask(): Promise<void> {
    if (this.#wasThere && !this.isThere) {
      this.#wasThere = false;
      this.#log(`the broker has confirmed nothing for ${FRESH_MS} ms`);
    }
    if (this.#asking) return;
    this.#asking = true;
    try {
      await this.#admin.metadata({ topics: [EVENTS_TOPIC], forceUpdate: true });
      this.confirm();
    } catch {
      // A connection that was cut may be dead without knowing it: the next question goes out on another one.
      this.#admin.close().catch(() => undefined);
      this.#admin = this.#newAdmin();
    } finally {
      this.#asking = false;
    }
  }
}
