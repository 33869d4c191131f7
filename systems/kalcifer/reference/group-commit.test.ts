import { expect, it } from 'vitest';
import { GroupCommit, TooBusy } from './group-commit.ts';

/** Commits wait until they are let go. */
function setUp(options: { lanes?: number; maxGroup?: number; maxWaiting?: number } = {}) {
  const groups: number[][] = [];
  const letGo: ((error?: Error) => void)[] = [];
  const queue = new GroupCommit<number, string>({
    lanes: 1,
    maxGroup: 3,
    maxWaiting: 5,
    ...options,
    commit(group) {
      groups.push(group);
      return new Promise((resolve, reject) => {
        letGo.push((error) => (error ? reject(error) : resolve(group.map((item) => `done ${item}`))));
      });
    },
  });
  return { queue, groups, letGo };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('commits what came together in one group, and what comes meanwhile in the next ones', async () => {
  const { queue, groups, letGo } = setUp();
  const first = [1, 2].map((item) => queue.submit(item));
  await turn();
  const later = [3, 4, 5, 6].map((item) => queue.submit(item));
  expect(groups).toEqual([[1, 2]]);
  letGo[0]?.();
  expect(await Promise.all(first)).toEqual(['done 1', 'done 2']);
  await turn();
  expect(groups).toEqual([
    [1, 2],
    [3, 4, 5],
  ]);
  letGo[1]?.();
  await turn();
  letGo[2]?.();
  expect(await Promise.all(later)).toEqual(['done 3', 'done 4', 'done 5', 'done 6']);
});

it('fails a whole group with its commit, and goes on', async () => {
  const { queue, letGo } = setUp();
  const failed = queue.submit(1);
  await turn();
  const next = queue.submit(2);
  letGo[0]?.(new Error('no store'));
  await expect(failed).rejects.toThrow('no store');
  await turn();
  letGo[1]?.();
  expect(await next).toBe('done 2');
});

it('refuses what is too much at once', async () => {
  const { queue, letGo } = setUp({ maxWaiting: 2 });
  const one = queue.submit(1);
  await turn();
  const waiting = [queue.submit(2), queue.submit(3)];
  await expect(queue.submit(4)).rejects.toThrow(TooBusy);
  letGo[0]?.();
  await turn();
  letGo[1]?.();
  await Promise.all([one, ...waiting]);
});
