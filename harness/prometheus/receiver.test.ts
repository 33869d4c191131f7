import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Receiver, startReceiver } from './receiver.ts';

let receiver: Receiver;
let wallMs: number;

beforeEach(async () => {
  wallMs = Date.parse('2026-11-21T10:01:00.000Z');
  receiver = await startReceiver(() => wallMs);
});
afterEach(() => receiver.close());

const labels = { alertname: 'A', pod: 'a' };
const second = (s: number, ms = 0) =>
  `2026-11-21T10:00:${String(s).padStart(2, '0')}.${String(ms).padStart(3, '0')}Z`;

async function post(body: unknown, path = '/api/v2/alerts'): Promise<number> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const { status } = await fetch(`${receiver.url}${path}`, { method: 'POST', body: text });
  return status;
}

it('keeps when each label set fired and resolved, however often it is told', async () => {
  wallMs = Date.parse(second(20));
  const firing = {
    labels,
    annotations: {},
    startsAt: second(20, 123),
    endsAt: second(24, 123),
    generatorURL: 'x',
  };
  expect(await post([firing])).toBe(200);
  expect(receiver.notified()).toEqual([
    { labels, firedWallMs: Date.parse(second(20, 123)), resolvedWallMs: null },
  ]);
  wallMs = Date.parse(second(30, 130));
  const resolved = { ...firing, endsAt: second(30, 123) };
  await post([resolved]);
  wallMs = Date.parse(second(45));
  // Labels in another order are the same.
  await post([{ ...resolved, labels: { pod: 'a', alertname: 'A' } }]);
  expect(receiver.notified()).toEqual([
    expect.objectContaining({
      firedWallMs: Date.parse(second(20, 123)),
      resolvedWallMs: Date.parse(second(30, 123)),
    }),
  ]);
});

it('tells firings of one label set, and label sets, apart', async () => {
  const firing = { labels, startsAt: second(20), endsAt: second(30) };
  await post([firing, { ...firing, startsAt: second(40), endsAt: second(50) }]);
  await post([{ ...firing, labels: { ...labels, pod: 'b' } }]);
  expect(receiver.notified().map(({ labels: { pod }, firedWallMs }) => [pod, firedWallMs])).toEqual([
    ['a', Date.parse(second(20))],
    ['a', Date.parse(second(40))],
    ['b', Date.parse(second(20))],
  ]);
});

it.each(['{', '{}', '[{"labels":{"alertname":"A"}}]', '[{"labels":{},"startsAt":"soon","endsAt":"later"}]'])(
  'refuses what is no notification, and says so: %s',
  async (body) => {
    expect(receiver.refused()).toBe('');
    expect(await post(body)).toBe(400);
    expect(receiver.notified()).toEqual([]);
    expect(receiver.refused()).toMatch(/^a notification of another form/);
  },
);

it('ends a notification that has no end', async () => {
  await expect(post('x'.repeat(9 * 1_024 * 1_024))).rejects.toThrow();
  expect(receiver.notified()).toEqual([]);
});

it('says that it is well, and nothing else', async () => {
  expect((await fetch(`${receiver.url}/-/healthy`)).status).toBe(200);
  expect(await (await fetch(`${receiver.url}/api/v2/status`)).json()).toMatchObject({ cluster: {} });
  expect((await fetch(`${receiver.url}/api/v2/alerts`)).status).toBe(404);
  expect(await post([], '/api/v1/alerts')).toBe(404);
});
