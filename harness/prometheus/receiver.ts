/**
 * Stands in for an Alertmanager: takes the notifications of a Prometheus, which carry the exact evaluation at which an alert fired and
 * resolved (prometheus/rules/manager.go, SendAlerts: startsAt is FiredAt; endsAt is ResolvedAt, or a time to come while it fires).
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';

/** Prometheus sends at most 256 alerts at once. */
const MAX_BYTES = 8 * 1_024 * 1_024;
const REQUEST_TIMEOUT_MS = 10_000;
/** A rule that fires for everything must not fill the memory. */
const MAX_FIRINGS = 50_000;

/** https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml, postableAlert. */
const Alerts = z.array(
  z.object({
    labels: z.record(z.string(), z.string()),
    startsAt: z.iso.datetime({ offset: true }),
    endsAt: z.iso.datetime({ offset: true }),
  }),
);

/** One label set that fired, since the Unix epoch. */
export interface Notified {
  labels: Record<string, string>;
  firedWallMs: number;
  /** Null: no notification said that it resolved. */
  resolvedWallMs: number | null;
}

export interface Receiver {
  /** `http://127.0.0.1:port` */
  url: string;
  notified(): Notified[];
  /** What could not be understood or kept; empty: everything was. */
  refused(): string;
  close(): Promise<void>;
}

/** Listens on any free port of 127.0.0.1. */
export async function startReceiver(wallNowMs: () => number = Date.now): Promise<Receiver> {
  const firings = new Map<string, Notified>();
  let refused = '';
  const take = (text: string): boolean => {
    const parsed = Alerts.safeParse(jsonOf(text));
    if (!parsed.success) {
      refused = `a notification of another form: ${z.prettifyError(parsed.error).replaceAll(/\s+/g, ' ').slice(0, 200)}`;
      return false;
    }
    const nowMs = wallNowMs();
    for (const { labels, startsAt, endsAt } of parsed.data) {
      const key = JSON.stringify([Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)), startsAt]);
      const endsWallMs = Date.parse(endsAt);
      if (!firings.has(key) && firings.size >= MAX_FIRINGS) {
        refused = `more than ${MAX_FIRINGS} firings`;
        continue;
      }
      firings.set(key, {
        labels,
        firedWallMs: Date.parse(startsAt),
        // While it fires, Prometheus names a time four evaluations ahead, at least.
        resolvedWallMs: endsWallMs <= nowMs ? endsWallMs : null,
      });
    }
    return true;
  };
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    void answer(request, response, take);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    notified: () => [...firings.values()],
    refused: () => refused,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Never rejects. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  take: (text: string) => boolean,
): Promise<void> {
  const what = `${request.method} ${request.url?.split('?')[0]}`;
  try {
    if (what === 'GET /-/healthy' || what === 'GET /-/ready') response.end('OK');
    else if (what === 'GET /api/v2/status')
      response.setHeader('content-type', 'application/json').end('{"cluster":{"status":"disabled"}}');
    else if (what !== 'POST /api/v2/alerts') response.writeHead(404).end();
    else response.writeHead(take(await textOf(request)) ? 200 : 400).end();
  } catch {
    response.destroy();
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
