import { expect, it } from 'vitest';
import { distinctIdOf, uuidOf } from '../systems/event-pipeline/identity.ts';
import { writesInDump } from './broker-log.ts';

const RUN = 'run-1';

/** As DumpLogSegments prints a record: the events `points` of a write of three. */
function record(n: number, points: number[], run = RUN): string {
  const id = { runner: 'load', vu: 2 };
  const batch = points.map((point) => ({
    event: 'x',
    distinct_id: distinctIdOf(id),
    uuid: uuidOf({ ...id, n, point, points: 3 }),
  }));
  const payload = JSON.stringify({ project_id: run, batch });
  return `| offset: 7 CreateTime: 1 keySize: 6 valueSize: 9 sequence: 0 headerKeys: [] key: load:2 payload: ${payload}`;
}

/** As a client of one event sends it. */
const alone = {
  event: 'x',
  distinct_id: 'probe:1',
  uuid: uuidOf({ vu: 1, n: 5, point: 0, points: 1 }),
  project_id: RUN,
};

it('finds the writes that are whole, in one record or in several, and those of no other run', async () => {
  const dump = [
    'Dumping /x/00000000000000000000.log',
    'Log starting offset: 0',
    'baseOffset: 0 lastOffset: 0 count: 1 isvalid: true',
    record(1, [0, 1, 2]),
    record(2, [0, 1]),
    record(3, [2, 0]),
    record(3, [1, 0]),
    record(4, [0, 1, 2], 'run-2'),
    `| offset: 8 key: probe:1 payload: ${JSON.stringify(alone)}`,
  ];
  expect(await writesInDump(dump, RUN)).toEqual(new Set(['load 2 1', 'load 2 3', 'probe 1 5']));
});

it('does not pass over what it cannot read', async () => {
  await expect(writesInDump(['| offset: 1 payload: {"batch"'], RUN)).rejects.toThrow();
  await expect(writesInDump([record(1, [0]).replace('load:2","uuid', 'x","uuid')], RUN)).rejects.toThrow(
    /has no identity/,
  );
});
