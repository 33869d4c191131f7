import { expect, it } from 'vitest';
import type { NewEvent } from '../record/writer.ts';
import { calibrate, notCarried, type Trial } from './calibrate.ts';

/** A machine that acknowledges at most `ceiling` writes a second and drops the rest. */
function machine(ceiling: number) {
  return (ratePerS: number): Promise<Trial> =>
    Promise.resolve({
      ackedPerS: Math.min(ratePerS, ceiling),
      p99Ms: ratePerS > ceiling ? 900 : 20,
    });
}

function find(ceiling: number) {
  const events: NewEvent[] = [];
  const writer = { emit: (event: NewEvent) => void events.push(event) };
  const rate = calibrate({
    askedPerS: 1_000,
    latencyMs: 1_000,
    writer,
    trial: machine(ceiling),
    signal: new AbortController().signal,
  });
  return rate.then((found) => ({ found, events }));
}

it('keeps the asked rate on a machine that carries it, with one trial', async () => {
  const { found, events } = await find(5_000);
  expect(found).toBe(1_000);
  expect(events).toHaveLength(1);
});

it('steps down to a rate that a slow machine carries, and records every trial', async () => {
  const { found, events } = await find(400);
  expect(found).toBe(340);
  expect(events.map((event) => event.kind === 'calibration' && event.carried)).toEqual([false, true]);
});

it('finds nothing on a machine that acknowledges nothing', async () => {
  expect((await find(0)).found).toBeNull();
});

it.each([
  [{ ackedPerS: 900, p99Ms: 10 }, /acknowledged 900 of 1000/],
  [{ ackedPerS: 1_000, p99Ms: 2_000 }, /p99/],
])('says why a trial did not carry', (trial, why) => expect(notCarried(trial, 1_000, 1_000)).toMatch(why));
