import { describe, expect, it } from 'vitest';
import type { EventOf } from '../record/model.ts';
import { ANCHOR_MS, faultEvents, fileOf, recordOf, type Story, viewOf } from './testing.ts';
import { isGood, scheduled, sum, worstTenSeconds } from './timeline.ts';
import { binsIn, buildView } from './view.ts';

const cut = { name: 'cut', fault: { chaos: 'store-cut' }, forMs: 5_000 };
/** An outage from 20 s to 25 s after the anchor: refused at once. */
const outage: Story['write'] = (_, dueMs) =>
  dueMs >= 20_000 && dueMs < 25_000 ? { outcome: 'F', status: 503 } : {};

describe('the timeline', () => {
  it('holds every write of a healthy load after the warm-up', () => {
    const { timeline } = viewOf();
    expect([timeline?.fromMs, timeline?.toMs]).toEqual([ANCHOR_MS + 5_000, ANCHOR_MS + 60_000]);
    expect(sum(timeline!.bins)).toEqual({
      served: 1_100,
      failed: 0,
      unknown: 0,
      slow: 0,
      heldUp: 0,
      late: 0,
      dropped: 0,
    });
    expect(timeline!.bins.every((bin) => scheduled(bin) === 20)).toBe(true);
  });

  it('puts writes after drops into the second in which they were due', () => {
    // Ten seconds of drops: without the correction everything after them would look ten seconds early.
    const view = viewOf({ write: (_, dueMs) => (dueMs >= 20_000 && dueMs < 30_000 ? null : {}) });
    const { timeline } = view;
    for (const [index, bin] of timeline!.bins.entries()) {
      const silent = index >= 15 && index < 25;
      expect(bin.served).toBe(silent ? 0 : 20);
      expect(Math.abs(bin.dropped - (silent ? 20 : 0))).toBeLessThanOrEqual(2);
    }
    expect(sum(timeline!.bins).dropped).toBe(200);
    expect(view.latency['outside']?.maxValue).toBe(20);
    expect(view.judged?.droppedSeen).toBe(200);
  });

  it('places the ledger by the wall clock of its anchor', () => {
    const late: Story = {
      edit: (event) => (event.kind === 'load.started' ? { ...event, wallMs: event.wallMs + 2_000 } : event),
    };
    expect(viewOf(late).judged?.anchorMs).toBe(ANCHOR_MS + 2_000);
  });

  it('knows nothing of a second in which nothing was due', () => {
    const good = { served: 0.99, latencyMs: 500, bins: 3 };
    const none = { served: 0, failed: 0, unknown: 0, slow: 0, heldUp: 0, late: 0, dropped: 0 };
    expect(isGood(none, good)).toBe(null);
    expect(isGood({ ...none, dropped: 1 }, good)).toBe(false);
    expect(isGood({ ...none, served: 100, slow: 1 }, good)).toBe(true);
    expect(isGood({ ...none, served: 100, slow: 2 }, good)).toBe(false);
    expect(isGood({ ...none, served: 98, unknown: 2 }, good)).toBe(false);
    expect(worstTenSeconds([])).toBe(null);
  });

  it('finds the worst ten seconds', () => {
    const worst = worstTenSeconds(viewOf({ write: outage }).timeline!.bins);
    expect(worst?.share).toBe(0.5);
  });
});

describe('fault windows', () => {
  it('run from the intent to the recovery', () => {
    const view = viewOf({ write: outage, faults: [cut], events: faultEvents('cut', 21_000, 26_000) });
    expect(view.faults[0]).toMatchObject({
      kind: 'store-cut',
      momentary: false,
      actingFromMs: [20_900, 21_000],
      goneAtMs: [25_900, 26_000],
      recoveredAtMs: 26_000,
      windowMs: [20_800, 26_000],
    });
    expect(binsIn(view, 'cut').map(({ fromMs }) => fromMs)).toEqual([
      20_000, 21_000, 22_000, 23_000, 24_000, 25_000,
    ]);
    expect(view.latency['cut']?.totalCount).toBe(20);
  });

  it('of a blow are searched from the blow on', () => {
    const kill = { name: 'kill', fault: { chaos: 'pod-kill' } };
    const view = viewOf({ faults: [kill], events: faultEvents('kill', 21_000, 30_000) });
    expect(view.faults[0]).toMatchObject({
      momentary: true,
      recoveredAtMs: 20_900,
      windowMs: [20_800, 30_000],
    });
  });

  it('without a recovery end with the next fault or the load', () => {
    const again = { ...cut, name: 'again' };
    const view = viewOf({
      write: (_, dueMs) => (dueMs > 20_000 ? { outcome: 'U', status: 0 } : {}),
      faults: [cut, again],
      events: [...faultEvents('cut', 21_000, 26_000), ...faultEvents('again', 40_000, 45_000)],
    });
    expect(view.faults.map(({ windowMs }) => windowMs)).toEqual([
      [20_800, 39_800],
      [39_800, 61_000],
    ]);
  });

  it('of a fault that never began do not exist', () => {
    expect(viewOf({ faults: [cut] }).faults[0]).toMatchObject({ intentAtMs: null, windowMs: null });
  });
});

describe('the account', () => {
  it('accuses nobody of what was acknowledged after the read began', () => {
    const record = recordOf({ stored: () => 'end\n' });
    record.events = record.events.map((event) =>
      event.kind === 'readback' ? { ...event, fromMs: ANCHOR_MS } : event,
    );
    const { account } = buildView(record);
    expect(account.acknowledged).toBe(0);
    expect(account.lost.count).toBe(0);
  });

  it('doubts itself when only a part was acknowledged before the look', () => {
    const record = recordOf({});
    expect(buildView(record).account.doubts).toEqual([]);
    // The last write of the healthy load is due at 59,950 ms and takes 20.
    record.events = record.events.map((event) =>
      event.kind === 'readback' ? { ...event, fromMs: ANCHOR_MS + 59_960 } : event,
    );
    expect(buildView(record).account).toMatchObject({
      acknowledged: 1_199,
      doubts: [expect.stringContaining('load.log: 1 were acknowledged after the read-back began')],
    });
  });

  it('of a runner that the answer does not name: all of it is lost', () => {
    const { account } = viewOf({
      stored: () => null,
      edit: (event) => (event.kind === 'readback' ? { ...event, runners: [] } : event),
    });
    expect(account.lost.count).toBe(1_200);
    expect(account.lost.named).toHaveLength(20);
    expect(account.doubts).toEqual([]);
  });

  it('counts the writes of every runner, judged or not', () => {
    const record = recordOf({});
    const started = record.events.find((event) => event.kind === 'load.started')!;
    record.events.push({ ...started, runner: 'probe', vus: 1, judged: false });
    record.logs.push(fileOf('probe', 'A 1:1 0 5 0\nA 2:1 10 5 0\n'));
    record.stored.push(fileOf('probe', '1:1-1\nend\n'));
    record.events = record.events.map((event) =>
      event.kind === 'readback' ? { ...event, runners: ['load', 'probe'] } : event,
    );
    const view = buildView(record);
    expect(view.account.lost.named).toEqual([
      { id: 'probe/2:1', endedAtMs: ANCHOR_MS + 15, window: 'outside' },
    ]);
    expect(sum(view.timeline!.bins).served).toBe(1_100);
  });

  it.each<[string, Story, string]>([
    [
      'no read-back',
      { edit: (event) => (event.kind === 'readback' ? null : event) },
      'nothing was read back',
    ],
    [
      'an incomplete one',
      {
        edit: (event) => (event.kind === 'readback' ? { ...event, complete: false, why: 'timeout' } : event),
      },
      'incomplete: timeout',
    ],
    [
      'a stored file cut short',
      { stored: (text) => text.replace('end\n', '') },
      'ledger/load.stored: its last line',
    ],
    ['a stored file that is gone', { stored: () => null }, 'ledger/load.stored is missing'],
    ['a ledger that is gone', { log: () => null }, 'ledger/load.log is missing'],
    ['a damaged line', { log: (text) => text.replace('A 2:1 ', 'A 2:x ') }, '1 damaged lines (line 2)'],
    [
      'an identity with two lines',
      { log: (text) => text.replace('A 2:1 ', 'A 1:1 ') },
      '1 identities have two lines',
    ],
    [
      'fewer lines than iterations',
      { log: (text) => text.slice(text.indexOf('\n') + 1) },
      '1199 lines for 1200 iterations counted by the generator',
    ],
    [
      'a ledger of no load',
      { edit: (event) => (event.kind === 'load.started' ? { ...event, runner: 'other' } : event) },
      'belongs to no load',
    ],
  ])('is in doubt with %s', (_, story, words) => {
    const { account } = viewOf(story);
    expect(account.doubts.join('; ')).toContain(words);
    expect(account.lost.count).toBe(0);
  });

  it('a torn last line is a remark and no doubt: its write is unknown', () => {
    const view = viewOf({ log: (text) => text.slice(0, -4) });
    expect(view.account.doubts).toEqual([]);
    expect(view.account.unknownStored).toBe(1);
    expect(view.remarks).toEqual(['ledger/load.log: the last line is torn and was dropped']);
  });
});

it('puts what was left on a cluster before all other remarks', () => {
  const gap: EventOf<'gap'> = {
    at: 62_000,
    kind: 'gap',
    what: 'Node watch',
    fromMs: 1,
    toMs: 2,
    why: 'away',
  };
  const note: EventOf<'note'> = { at: 66_000, kind: 'note', text: 'left on the cluster: namespace/demo' };
  const { remarks } = viewOf({ events: [gap, { ...note, text: 'other' }, note] });
  expect(remarks).toEqual([note.text, expect.stringContaining('Node watch'), 'other']);
});
