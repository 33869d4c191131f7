import { expect, it } from 'vitest';
import type { NewEvent } from '../record/writer.ts';
import { calibrate, notCarried, type Trial } from './calibrate.ts';

/** A machine that acknowledges at most `ceilings[0]` writes a second in its first trial, and so on, the last one ever after; it drops the rest. */
function machine(ceilings: number[]) {
  return (ratePerS: number, index: number): Promise<Trial> => {
    const ceiling = ceilings[Math.min(index, ceilings.length) - 1] ?? 0;
    return Promise.resolve({
      ackedPerS: Math.min(ratePerS, ceiling),
      p99Ms: ratePerS > ceiling ? 900 : 20,
    });
  };
}

function find(...ceilings: number[]) {
  const events: NewEvent[] = [];
  const writer = { emit: (event: NewEvent) => void events.push(event) };
  const rate = calibrate({
    askedPerS: 1_000,
    latencyMs: 1_000,
    writer,
    trial: machine(ceilings),
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

it('asks a rate that a cold system nearly carried once more, and lowers it when it is missed again', async () => {
  expect((await find(930, 1_000)).found).toBe(1_000);
  const { found, events } = await find(930);
  expect(found).toBe(790);
  expect(events.map((event) => event.kind === 'calibration' && event.ratePerS)).toEqual([1_000, 1_000, 790]);
});

it('finds nothing on a machine that acknowledges nothing', async () => {
  expect((await find(0)).found).toBeNull();
});

it.each([
  [{ ackedPerS: 900, p99Ms: 10 }, /acknowledged 900 of 1000/],
  [{ ackedPerS: 1_000, p99Ms: 2_000 }, /p99/],
])('says why a trial did not carry', (trial, why) => expect(notCarried(trial, 1_000, 1_000)).toMatch(why));
