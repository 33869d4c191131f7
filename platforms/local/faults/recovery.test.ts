import { expect, it, vi } from 'vitest';
import type { FaultContext } from '../fault-context.ts';
import { recoveryOf } from './recovery.ts';

/** Waits as replicas do whose pods change all the time: until it is so, or the signal ends the wait. */
function contextOf(signal: AbortSignal, recoversWithinMs: number) {
  const until = vi.fn(
    (condition: () => boolean, _: string, ends: AbortSignal) =>
      new Promise<void>((resolve) => {
        if (condition() || ends.aborted) resolve();
        else ends.addEventListener('abort', () => resolve(), { once: true });
      }),
  );
  const context = { replicas: { until }, signal, recoversWithinMs } as unknown as FaultContext;
  return { context, until };
}

it('waits once for what recovers', async () => {
  const { context, until } = contextOf(new AbortController().signal, 60_000);
  const recovered = recoveryOf(context, 'pod-kill', () => true);
  await recovered();
  await recovered();
  expect(until).toHaveBeenCalledTimes(1);
});

it('says that something never recovers, and does not wait for it again', async () => {
  const { context, until } = contextOf(new AbortController().signal, 20);
  const recovered = recoveryOf(context, 'pod-kill', () => false);
  await expect(recovered()).rejects.toThrow('pod-kill: not recovered 0 s after it');
  await recovered();
  expect(until).toHaveBeenCalledTimes(1);
});

it('does not wait, and blames nobody, in a run that was interrupted', async () => {
  const { context } = contextOf(AbortSignal.abort(), 60_000);
  await recoveryOf(context, 'pod-kill', () => false)();
});
