import { expect, it } from 'vitest';
import type { ClickHouseHttp } from '../../record/clickhouse-http.ts';
import { storedRanges } from './stored.ts';

/** Answers the two questions in the order in which they are asked. */
async function read(writes: unknown[][], foreign: number) {
  const answers: unknown[][][] = [writes, [[foreign]]];
  const clickhouse = { select: () => Promise.resolve(answers.shift()) } as unknown as ClickHouseHttp;
  const ranges = [];
  for await (const range of storedRanges(clickhouse, 'r')) ranges.push(range);
  return ranges;
}

it('tells whole writes from those of which a part is there, and ours from a stranger’s', async () => {
  const ranges = await read(
    [
      ['load:7', 7, 1, 4, 1, 1],
      ['load:7', 7, 5, 5, 1, 0],
      ['load:7', 7, 6, 6, 2, 1],
      ['else', 9, 1, 1, 1, 0],
    ],
    3,
  );
  expect(ranges).toEqual([
    { runner: 'load', vu: 7, from: 1, to: 4, copies: 1 },
    { runner: 'load', vu: 7, from: 5, to: 5, copies: 1, form: 'part' },
    { runner: 'load', vu: 7, from: 6, to: 6, copies: 2 },
    { runner: 'foreign', vu: 9, from: 1, to: 1, copies: 1, form: 'part' },
    { runner: 'foreign', vu: 1, from: 1, to: 3, copies: 1 },
  ]);
});
