import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { releaseAll, untilPaused } from './release.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function answering(answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return { runner: 'load-1', port: (server.address() as AddressInfo).port };
}
const status = (attributes: Record<string, unknown>) => JSON.stringify({ data: { attributes } });
const never = new AbortController().signal;

describe('a release', () => {
  it('is on its way to all before the first has answered', async () => {
    const waiting: (() => void)[] = [];
    const held: RequestListener = (_request, response) => {
      waiting.push(() => response.end(status({ status: 7, paused: false, stopped: false })));
      if (waiting.length === 3) for (const go of waiting) go();
    };
    const ports = await Promise.all([answering(held), answering(held), answering(held)]);
    const released = await releaseAll(ports, never);
    for (const { sentMs, answeredMs } of released) expect(answeredMs).toBeGreaterThanOrEqual(sentMs);
  });

  it.each([
    ['a k6 that stays paused', 200, status({ status: 4, paused: true, stopped: false }), 'still paused'],
    ['a refusal', 500, 'no pause after its start', 'HTTP 500: no pause'],
    ['words of somebody else', 200, '{"hello":1}', 'not the answer of k6'],
    ['an answer without end', 200, 'x'.repeat(70_000), 'more than 65536 bytes'],
  ])('is not believed: %s', async (_name, code, body, words) => {
    const port = await answering((_request, response) => void response.writeHead(code).end(body));
    await expect(releaseAll([port], never)).rejects.toThrow(words);
    await expect(releaseAll([port], never)).rejects.toThrow('runner load-1 was not released');
  });
});

describe('the wait for k6', () => {
  it('goes over answers of a k6 that still starts', async () => {
    let asked = 0;
    const port = await answering((_request, response) => {
      asked += 1;
      if (asked === 1) response.destroy();
      else response.end(status({ status: asked === 2 ? 1 : 4, paused: true, stopped: false }));
    });
    await untilPaused(port, never);
    expect(asked).toBe(3);
  });

  it('ends when somebody else has released it', async () => {
    const port = await answering((_request, response) =>
      response.end(status({ status: 7, paused: false, stopped: false })),
    );
    await expect(untilPaused(port, never)).rejects.toThrow('runner load-1 began before it was released');
  });

  it('ends with its signal, and tells the last answer', async () => {
    const late = new AbortController();
    const port = await answering((_request, response) => {
      response.end(status({ status: 1, paused: true, stopped: false }));
      setImmediate(() => late.abort());
    });
    await expect(untilPaused(port, late.signal)).rejects.toThrow('load-1 did not come to wait');
  });
});
