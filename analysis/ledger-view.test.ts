/** The account and the time line of random ledgers, damaged in every way, against a naive reading of the rules in record/ledger.ts. */
import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { parseAttemptLine } from '../record/ledger.ts';
import { ANCHOR_MS, faultEvents, fileOf } from './testing.ts';
import { runnersRecord } from './testing-runners.ts';
import { buildView, type RunView } from './view.ts';

const COUNT = 2;
/** As many as testing.ts says that a runner was started with. */
const VUS = 4;
const LIMIT_MS = 500;
const LATE_MS = 250;
const WARMUP_MS = 5_000;
/** Ends before the last writes do: what ends later cannot be known to be lost. */
const READ_FROM_MS = 55_000;

interface Write {
  letter: string;
  id: string;
  vu: number;
  n: number;
  dueMs: number;
  latMs: number;
  lagMs: number;
  status: number;
}

const whole = (max: number) => fc.integer({ min: 1, max });
const head = fc.record({
  vu: whole(VUS + 1),
  // Nearly all small, so that numbers repeat; some are more than the runner can have sent.
  n: fc.oneof({ weight: 30, arbitrary: whole(40) }, fc.constantFrom(2_000_000, 3_000_000_000)),
  due: fc.integer({ min: 0, max: 59_000 }),
  lag: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.constantFrom(-3, 0, 0.5, 900)),
  service: fc.oneof(fc.integer({ min: 0, max: 700 }), fc.constantFrom(0.25, 61_000)),
});
const writeLine = fc
  .tuple(head, fc.constantFrom('A', 'A', 'A', 'A 200 0 2', 'F 503 0 1', 'U 0 1050 3', 'U 200 0 1'))
  .map(([{ vu, n, due, lag, service }, ending]) => {
    const [letter = '', ...details] = ending.split(' ');
    return [letter, `${vu}:${n}`, due, Math.max(0, lag) + service, lag, ...details].join(' ');
  });
const damaged = fc.constantFrom(
  '',
  'A 1:2 3',
  'time="x" level=warning',
  'U 1:1 2 3 4',
  'A 0:1 1 1 1',
  'T 1:1 x',
);
const other = fc.constantFrom('# anchor 1700000001000', 'T 1:1 30 20 503 0 r a', 'T 2:2 30 20 0 1220 - -');
const ledger = fc
  .tuple(
    fc.array(fc.oneof({ weight: 12, arbitrary: writeLine }, { weight: 1, arbitrary: damaged }, other), {
      maxLength: 80,
    }),
    fc.constantFrom('', '', 'A 1:1 10', 'A 1:1 10 10 10'),
  )
  .map(([lines, torn]) => `${lines.map((line) => `${line}\n`).join('')}${torn}`);
const ranges = fc.array(
  fc.tuple(whole(VUS + 2), whole(45), fc.integer({ min: 0, max: 20 }), fc.constantFrom(1, 1, 1, 2)),
  { maxLength: 12 },
);
const runner = fc.record({ log: ledger, stored: ranges, clean: fc.boolean() });

function read(text: string): { writes: Write[]; malformed: number; torn: boolean } {
  const lines = text.split('\n');
  const torn = lines.pop() !== '';
  const writes: Write[] = [];
  let malformed = 0;
  for (const line of lines) {
    if (line.startsWith('# anchor ') || parseAttemptLine(line) !== null) continue;
    const parts = line.split(/[ :]/);
    const [letter = '', vu, n, dueMs = 0, latMs = 0, lagMs = 0, status = 0] = [
      parts[0],
      ...parts.slice(1).map(Number),
    ];
    const sound = /^([AFU]) \d+:\d+ \S+ \S+ \S+ \d+ \d+ \d+$|^A \d+:\d+ \S+ \S+ \S+$/.test(line);
    if (!sound || !vu || !n || n >= 2 ** 31) malformed += 1;
    else writes.push({ letter, id: `${vu}:${n}`, vu, n, dueMs, latMs, lagMs, status });
  }
  return { writes, malformed, torn };
}

type Drawn = { log: string; stored: [number, number, number, number][]; clean: boolean };

function account(name: string, { log, stored }: Drawn) {
  const { writes, malformed, torn } = read(log);
  const iterations = writes.length + malformed + (torn ? 1 : 0);
  const possible = writes.filter(({ n }) => n <= iterations + VUS);
  const first = new Map<string, Write>();
  for (const write of possible) if (!first.has(write.id)) first.set(write.id, write);
  const last = new Map<number, number>();
  for (const { vu, n } of possible) last.set(vu, Math.max(last.get(vu) ?? 0, n));
  const mostVu = Math.max(VUS, ...[...last.keys()].map((vu) => vu + 1));
  const copies = new Map<string, number>();
  let phantom = 0;
  for (const [vu, from, more, times] of stored)
    for (let n = from; n <= from + more; n += 1) {
      const limit = (last.get(vu) ?? 0) + (vu <= mostVu ? 1 : 0);
      if (n > limit) phantom += 1;
      else copies.set(`${vu}:${n}`, (copies.get(`${vu}:${n}`) ?? 0) + times);
    }
  const owed = [...first.values()];
  const ids = (of: (write: Write) => boolean) => owed.filter(of).map(({ id }) => `${name}/${id}`);
  const gaps = [...last.values()].reduce((sum, n) => sum + n, 0) - owed.length;
  const pastLast = [...copies.keys()].filter((id) => {
    const [vu = 0, n = 0] = id.split(':').map(Number);
    return n > (last.get(vu) ?? 0);
  }).length;
  const endsMs = ({ dueMs, latMs }: Write) => ANCHOR_MS + dueMs + latMs;
  return {
    lines: writes.length,
    malformed,
    acknowledged: writes.filter((write) => write.letter === 'A' && endsMs(write) < READ_FROM_MS).length,
    failed: owed.filter(({ letter }) => letter === 'F').length,
    unknown: owed.filter(({ letter }) => letter === 'U').length + gaps + pastLast,
    stored: copies.size,
    unknownStored: [...copies.keys()].filter((id) => !/[AF]/.test(first.get(id)?.letter ?? '')).length,
    phantom,
    lost: ids((write) => write.letter === 'A' && !copies.has(write.id) && endsMs(write) < READ_FROM_MS),
    failedStored: ids(({ letter, id }) => letter === 'F' && copies.has(id)),
    duplicated: [...copies].filter(([, times]) => times > 1).map(([id]) => `${name}/${id}`),
    partial: writes
      .filter(({ letter, status }) => letter === 'U' && status === 200)
      .map(({ id }) => `${name}/${id}`),
  };
}

/** Of all runners together, by second of the timeline: `toMs` is where it ends. */
function bins(drawn: Drawn[], { timeline }: RunView) {
  const counts = timeline!.bins.map(() => ({
    served: 0,
    failed: 0,
    unknown: 0,
    slow: 0,
    heldUp: 0,
    late: 0,
  }));
  for (const { log, clean } of drawn) {
    const { writes } = read(log);
    const startMs = ({ dueMs, lagMs }: Write) => dueMs + lagMs;
    const tenth = (write: Write) => Math.max(0, Math.floor(startMs(write) / 100));
    const lastEndMs = Math.max(...writes.map(({ dueMs, latMs }) => dueMs + latMs));
    const toMs = clean ? 60_000 : Math.max(WARMUP_MS, Math.min(60_000, Math.max(...writes.map(startMs))));
    for (const write of writes) {
      const shiftMs = Math.min(
        ...writes.filter((later) => tenth(later) >= tenth(write)).map(({ lagMs }) => lagMs),
      );
      if (!clean && write.letter === 'U' && write.dueMs + write.latMs >= lastEndMs - 250) continue;
      const atMs = write.dueMs + shiftMs;
      const bin = counts[Math.floor((atMs - WARMUP_MS) / 1_000)];
      if (atMs < WARMUP_MS || atMs >= toMs || bin === undefined) continue;
      bin[write.letter === 'A' ? 'served' : write.letter === 'F' ? 'failed' : 'unknown'] += 1;
      const isSlow = write.letter === 'A' && write.latMs - shiftMs > LIMIT_MS;
      if (isSlow) bin.slow += 1;
      if (isSlow && write.latMs - write.lagMs <= LIMIT_MS) bin.heldUp += 1;
      if (write.lagMs - shiftMs > LATE_MS) bin.late += 1;
    }
  }
  return counts;
}

test.prop([fc.tuple(runner, runner)], { seed: 11, numRuns: 120 })(
  'agrees with a naive reading of the rules',
  (drawn) => {
    const names = drawn.map((_, index) => `load-${index + 1}`);
    const logs = Object.fromEntries(names.map((name, index) => [name, drawn[index]!.log]));
    const record = runnersRecord({
      count: COUNT,
      faults: [{ name: 'cut', fault: { chaos: 'cut' }, forMs: 5_000 }],
      events: faultEvents('cut', 21_000, 26_000),
      ledger: (name) => logs[name] ?? null,
      edit: (event) => {
        if (event.kind === 'readback') return { ...event, fromMs: READ_FROM_MS };
        if (event.kind !== 'load.ended') return event;
        const index = names.indexOf(event.runner);
        const { writes, malformed, torn } = read(drawn[index]!.log);
        const iterations = writes.length + malformed + (torn ? 1 : 0);
        return { ...event, iterations, exitCode: drawn[index]!.clean ? 0 : 105 };
      },
    });
    const stored = drawn.map(({ stored: own }, index) => {
      const text = own.map(
        ([vu, from, more, times]) => `${vu}:${from}-${from + more}${times > 1 ? ` x${times}` : ''}\n`,
      );
      return fileOf(names[index]!, `${text.join('')}end\n`);
    });
    const view = buildView({ ...record, stored }, 1_000_000);
    const naive = drawn.map((one, index) => account(names[index]!, one));
    const total = (of: (one: (typeof naive)[number]) => number) =>
      naive.reduce((sum, one) => sum + of(one), 0);
    const all = (of: (one: (typeof naive)[number]) => string[]) => naive.flatMap(of).toSorted();
    const { account: found } = view;
    const named = (kind: 'lost' | 'failedStored' | 'duplicated' | 'partial') =>
      found[kind].named.map(({ id }) => id).toSorted();
    expect({
      lines: found.runners.map(({ lines }) => lines),
      malformed: found.runners.map(({ malformed }) => malformed),
      ...Object.fromEntries(
        (['acknowledged', 'failed', 'unknown', 'stored', 'unknownStored'] as const).map((key) => [
          key,
          found[key],
        ]),
      ),
      phantom: found.phantom.count,
      atRisk: Object.values(found.atRisk).reduce((sum, count) => sum + count, 0),
      lost: named('lost'),
      failedStored: named('failedStored'),
      duplicated: named('duplicated'),
      partial: named('partial'),
    }).toEqual({
      lines: naive.map(({ lines }) => lines),
      malformed: naive.map(({ malformed }) => malformed),
      acknowledged: total((one) => one.acknowledged),
      failed: total((one) => one.failed),
      unknown: total((one) => one.unknown),
      stored: total((one) => one.stored),
      unknownStored: total((one) => one.unknownStored),
      phantom: total((one) => one.phantom),
      atRisk: total((one) => one.acknowledged),
      lost: all((one) => one.lost),
      failedStored: all((one) => one.failedStored),
      duplicated: all((one) => one.duplicated),
      partial: all((one) => one.partial),
    });
    expect(
      view.timeline?.bins.map(({ served, failed, unknown, slow, heldUp, late }) => ({
        served,
        failed,
        unknown,
        slow,
        heldUp,
        late,
      })),
    ).toEqual(bins(drawn, view));
  },
);
