import { expect, it } from 'vitest';
import { faultEvents, type Story, viewOf } from '../testing.ts';
import { faultCosts } from './costs.ts';
import { leastShare } from './repeated.ts';
import { costsOf } from './testing.ts';

const kill = (name: string) => ({ name, fault: { chaos: 'pod-kill' } });

it('has no figures for a fault without proof, and says why', () => {
  const unproven: [string, Story][] = [
    ['it was never begun', {}],
    ['it was never seen acting', { events: faultEvents('kill', 21_000, 26_000).slice(0, 2) }],
    [
      'it acted elsewhere: b died',
      {
        events: [
          ...faultEvents('kill', 21_000, 26_000),
          {
            at: 21_500,
            kind: 'fault.proof',
            fault: 'kill',
            saw: 'elsewhere',
            notBeforeMs: 0,
            detail: 'b died',
          },
        ],
      },
    ],
    ['there is no such chaos', { faults: [{ ...kill('kill'), notRun: 'there is no such chaos' }] }],
  ];
  for (const [why, story] of unproven) {
    const { rows, figures } = faultCosts(viewOf({ faults: [kill('kill')], ...story }));
    expect(figures).toEqual([]);
    expect(rows).toEqual([{ fault: 'kill', data: [`nothing can be said: ${why}`], time: [], service: [] }]);
  }
});

it('marks every figure with its fault, and costs nothing where there was no fault', () => {
  const { figures } = faultCosts(
    viewOf({ faults: [kill('kill')], events: faultEvents('kill', 21_000, 26_000) }),
  );
  expect(figures.length).toBeGreaterThan(8);
  expect(figures.every(({ fault, name }) => fault === 'kill' && name.includes('kill'))).toBe(true);
  expect(faultCosts(viewOf())).toEqual({ rows: [], figures: [] });
});

it('measures the time to the first alert after the fault began, where alerts were watched', () => {
  const story: Story = { faults: [kill('kill')], events: faultEvents('kill', 21_000, 26_000) };
  expect(costsOf(story).row('kill')).toContain('no alert was watched');
  expect(costsOf(story).figure('time to detect kill')).toBeUndefined();
  const watched = costsOf(story, [9_000, 33_400, 30_900]);
  expect(watched.figure('time to detect kill')).toBeCloseTo(10);
  expect(watched.row('kill')).toContain('first alert: after 10.0 s');
  const silent = costsOf(story, []);
  expect(silent.figure('time to detect kill')).toBeNull();
  expect(silent.row('kill')).toContain('no alert in 43.6 s');
});

it('says what k clean recoveries of k are worth, and no bound with one that was not clean', () => {
  const twice: Story = {
    faults: [kill('first'), kill('second'), { name: 'cut', fault: { chaos: 'cut' } }],
    events: [
      ...faultEvents('first', 21_000, 26_000),
      ...faultEvents('second', 31_000, 36_000),
      ...faultEvents('cut', 41_000, 46_000),
    ],
  };
  const clean = costsOf(twice);
  expect(clean.row('every pod-kill')).toBe(
    '2 of 2 clean recoveries: at 95 %, at least 22.36 % of such faults recover',
  );
  expect(clean.figure('clean recoveries from pod-kill, at least')).toBeCloseTo(0.2236, 4);
  // 1:101 is acknowledged at 21.0 s, in the first one's window.
  const lossy = costsOf({ ...twice, stored: (text) => text.replace('1:101-101\n', '') });
  expect(lossy.row('every pod-kill')).toBe('1 of 2 clean recoveries');
  expect(lossy.figure('clean recoveries from pod-kill, at least')).toBeUndefined();
  expect(clean.row('every cut')).toBe('');
});

it('calls no recovery clean while a loss from before may be its doing', () => {
  const twice: Story = {
    faults: [kill('first'), kill('second')],
    events: [...faultEvents('first', 21_000, 26_000), ...faultEvents('second', 31_000, 36_000)],
  };
  // Acknowledged at 1.2 s, before both: any of them may have destroyed it.
  const told = costsOf({ ...twice, stored: (text) => text.replace('1:2-2\n', '') });
  expect(told.row('every pod-kill')).toBe('0 of 2 clean recoveries');
  expect(told.figure('clean recoveries from pod-kill, at least')).toBeUndefined();
  expect(told.figure('RPO of first')).toBeNull();
  expect(told.row('first')).toContain(
    'at least 0 lost of 104 at risk; 1 more was acknowledged before the window',
  );
  // 1:291 is acknowledged at 59.0 s, after both, and none of them can have lost it.
  const after = costsOf({ ...twice, stored: (text) => text.replace('1:291-291\n', '') });
  expect(after.row('every pod-kill')).toContain('2 of 2 clean recoveries: at 95 %');
  expect(after.figure('RPO of first')).toBe(0);
});

it('calls no recovery clean while a journey is broken, lost, or not known', () => {
  const states = (text: string) => `# kept waiting\n# broken moved-twice\n${text}end\n`;
  const all = [1, 2, 3, 4].map((vu) => `${vu}:1-300 waiting\n`).join('');
  const twice: Story = {
    faults: [kill('first'), kill('second')],
    events: [...faultEvents('first', 21_000, 26_000), ...faultEvents('second', 31_000, 36_000)],
  };
  expect(costsOf({ ...twice, states: states(all) }).row('every pod-kill')).toContain(
    '2 of 2 clean recoveries: at',
  );
  const broken = states(all.replace('2:1-300 waiting\n', '2:1-1 moved-twice\n2:2-300 waiting\n'));
  const told = costsOf({ ...twice, states: broken });
  expect(told.row('every pod-kill')).toBe('0 of 2 clean recoveries');
  expect(told.row('first')).toContain('journeys and events lost or broken in the whole run: 1');
  expect(costsOf({ ...twice, states: all }).row('every pod-kill')).toBe('0 of 2 clean recoveries');
});

it('calls no recovery clean from a fault that lasts and was never seen gone', () => {
  const cut = (name: string) => ({ name, fault: { chaos: 'cut' }, forMs: 5_000 });
  const events = [...faultEvents('first', 21_000, 26_000), ...faultEvents('second', 41_000, 46_000)];
  const twice: Story = { faults: [cut('first'), cut('second')], events };
  expect(costsOf(twice).row('every cut')).toContain('2 of 2 clean recoveries: at 95 %');
  const open = events.filter(
    (event) => !(event.kind === 'fault.proof' && event.fault === 'second' && event.saw === 'gone'),
  );
  expect(open).toHaveLength(events.length - 1);
  const told = costsOf({ ...twice, events: open });
  expect(told.row('every cut')).toBe('1 of 2 clean recoveries');
  expect(told.figure('clean recoveries from cut, at least')).toBeUndefined();
});

it('names how many plays without a proof are no part of k', () => {
  const told = costsOf({
    faults: [kill('first'), kill('second'), kill('third'), kill('fourth')],
    events: [...faultEvents('first', 21_000, 26_000), ...faultEvents('second', 31_000, 36_000)],
  });
  expect(told.row('every pod-kill')).toMatch(
    /^2 of 2 clean recoveries \(2 more without a proof left out\): at 95 %/,
  );
});

it('bounds the share of recoveries by .05^(1/k)', () => {
  for (const [k, share] of [
    [5, 0.5493],
    [10, 0.7411],
    [29, 0.9019],
    [59, 0.9505],
  ] as const)
    expect(leastShare(k)).toBeCloseTo(share, 4);
});
