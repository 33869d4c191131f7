import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXIT, type Event, type VerdictFile } from '../record/model.ts';
import { exitWords, printable, type ReportInput } from '../record/report.ts';
import { SAMPLE_PLAN, SAMPLE_VERDICTS, sampleVerdict, sampleVerdictFile } from '../record/sample.ts';
import { wrap } from '../record/wrap.ts';
import { render, terminalOptions } from './terminal.ts';

const dense = (text: string) => text.replaceAll(/\s/g, '');
const plain = { columns: 90, colour: false };

function input(verdicts: VerdictFile, over: Partial<ReportInput> = {}): ReportInput {
  return { verdicts, plan: SAMPLE_PLAN, directory: 'out/sample-1', ...over };
}

const aimed = (fault: string, targets: string[], detail: string): Event => ({
  at: 35_000,
  kind: 'fault.intent',
  fault,
  targets,
  detail,
});

const saw = (what: 'acting' | 'gone' | 'elsewhere', at: number): Event => ({
  at,
  kind: 'fault.proof',
  fault: 'kill',
  saw: what,
  notBeforeMs: at,
  detail: '',
});

describe('the whole report', () => {
  it('says what broke first, then what the run was, then where the evidence lies', () => {
    const file = sampleVerdictFile([...SAMPLE_VERDICTS], {
      figures: [
        { name: 'p99 latency', value: 41.2, unit: 'ms' },
        { name: 'time to recover', value: null, unit: 's' },
      ],
      remarks: ['chaos/pod-kill.yaml:12: gracePeriod is not played on this platform'],
    });
    const events: Event[] = [
      { at: 9_000, kind: 'rate', askedPerS: 200, ratePerS: 120 },
      aimed('kill', ['luminate-7f9c'], 'pod-kill, 1 of 3 pods'),
      saw('acting', 35_200),
      saw('elsewhere', 35_300),
      saw('gone', 48_900),
      aimed('cut', [], 'partition luminate -> store'),
    ];
    expect(render(input(file, { events }), plain)).toMatchInlineSnapshot(`
      "FAIL  pod-loss: 1 fail, 1 invalid, 1 inconclusive, 1 not_run, 1 pass

      question  Does the deployment lose acknowledged writes when pods die?
      run       sample-1
      system    luminate, with overlay one-machine
      platform  local (rehearsal: processes on one machine, not a cluster)
      machine   2 CPUs, 7800 MB, Example CPU
      seed      42
      load      120 writes/s of 50 points for 2m; 200 writes/s were asked, calibration found
                that this machine carries less
      fault     kill on luminate-7f9c: pod-kill, 1 of 3 pods; seen acting at 35s, gone at 49s;
                seen acting elsewhere too
      fault     cut: partition luminate -> store; never seen acting

      ┌──────────────────────┬──────────────┬──────────────────────────────────────────────────┐
      │ promise              │ verdict      │ what was seen                                    │
      ├──────────────────────┼──────────────┼──────────────────────────────────────────────────┤
      │ no-lost-writes@kill  │ fail         │ 3 of 812 writes acknowledged in the window are   │
      │                      │              │ missing: load 2:17, load 2:18, load 4:9          │
      │ rollout-serves       │ invalid      │ the load generator dropped 3.1 % of its          │
      │                      │              │ iterations                                       │
      │ recovers@cut         │ inconclusive │ only 12 writes fell into the window              │
      │ alerts-fire          │ not_run      │ this platform has no Prometheus                  │
      │ (optional)           │              │                                                  │
      │ no-lost-writes       │ pass         │ 0 lost of 24,000 acknowledged writes (at most    │
      │                      │              │ 0.0125 % at 95 %)                                │
      └──────────────────────┴──────────────┴──────────────────────────────────────────────────┘

      figures
        p99 latency: 41.2 ms
        time to recover: not measured

      remarks
        - chaos/pod-kill.yaml:12: gracePeriod is not played on this platform

      evidence  out/sample-1
      exit code 1: at least one promise is broken
      "
    `);
  });

  it('says what is known of each alert', () => {
    const claims = { logic: 'holds', wiring: 'fired', realTime: 'fired' } as const;
    const rule = { alert: 'Errors\u001b[2J', findings: [], ...claims };
    const text = render(input(sampleVerdictFile([sampleVerdict({})], { alerts: { rules: [rule] } })), plain);
    expect(text).toContain('\nalerts\n  of 1 alerts 1 have no finding');
    expect(text).toContain('\n  Errors\\u{1b}[2J: logic holds, wiring fired, real time fired\n');
    expect(render(input(sampleVerdictFile([sampleVerdict({})])), plain)).not.toContain('\nalerts\n');
  });

  it('has a row for what each fault cost, and no second line for its figures', () => {
    const costs = [
      {
        fault: 'cut',
        data: ['0 lost of 416 at risk (<= 0.721 % at 95 %)', '0 stored twice, 12 unknown'],
        time: ['clients: <= 9.1 s +- 1.1 s', 'pods: did not change'],
        service: ['10.00 % of 200 served in 9.1 s'],
      },
      { fault: 'kill\u001b[2J', data: ['nothing can be said: it was never begun'], time: [], service: [] },
    ];
    const figures = [
      { name: 'RTO of cut, clients', value: 9.1, unit: 's', fault: 'cut' },
      { name: 'lost', value: 0, unit: 'writes' },
    ];
    const text = render(input(sampleVerdictFile([sampleVerdict({})], { costs, figures })), plain);
    expect(text.slice(text.indexOf('what each'), text.indexOf('evidence'))).toMatchInlineSnapshot(`
      "what each fault cost
      ┌─────────────┬────────────────────────┬────────────────────────┬────────────────────────┐
      │ fault       │ writes (RPO)           │ back after (RTO)       │ service                │
      ├─────────────┼────────────────────────┼────────────────────────┼────────────────────────┤
      │ cut         │ 0 lost of 416 at risk  │ clients: <= 9.1 s +-   │ 10.00 % of 200 served  │
      │             │ (<= 0.721 % at 95 %)   │ 1.1 s                  │ in 9.1 s               │
      │             │ 0 stored twice, 12     │ pods: did not change   │                        │
      │             │ unknown                │                        │                        │
      │ kill\\u{1b}[ │ nothing can be said:   │                        │                        │
      │ 2J          │ it was never begun     │                        │                        │
      └─────────────┴────────────────────────┴────────────────────────┴────────────────────────┘

      figures
        lost: 0 writes

      "
    `);
  });

  it('says that an empty list shows nothing', () => {
    const text = render(input(sampleVerdictFile([])), plain);
    expect(text).toContain('INCONCLUSIVE  pod-loss: no promise was judged');
    expect(text).toContain('No promise was judged: this run shows nothing.');
    expect(text).toContain(`exit code 4: ${exitWords(EXIT.inconclusive)}`);
  });

  it.each(SAMPLE_VERDICTS)('leads with the outcome of a run whose only verdict is $verdict', (verdict) => {
    const file = sampleVerdictFile([{ ...verdict, optional: false }]);
    const text = render(input(file), plain);
    expect(text.split(' ')[0]).toBe(file.verdict.toUpperCase());
    expect(text).toContain(`exit code ${file.exitCode}: ${exitWords(file.exitCode)}`);
  });

  it('names the defect that was switched on, and a cluster that is no rehearsal', () => {
    const file = sampleVerdictFile([sampleVerdict({})], { platform: 'kubernetes', rehearsal: false });
    const text = render(input(file, { plan: { ...SAMPLE_PLAN, defect: 'acks-before-store' } }), plain);
    expect(text).toContain('acks-before-store: switched on in the reference system on purpose');
    expect(text).toMatch(/^platform {2}kubernetes$/m);
  });

  it('limits remarks and says how many are left out', () => {
    const remarks = Array.from({ length: 25 }, (_, index) => `remark ${index}`);
    const text = render(input(sampleVerdictFile([sampleVerdict({})], { remarks })), plain);
    expect(text).toContain('- remark 9\n  - and 15 more in verdict.json');
    expect(text).not.toContain('remark 10');
  });
});

describe('width', () => {
  it('keeps 200 long reasons, with names that have no blanks, within the terminal', () => {
    const verdicts = Array.from({ length: 200 }, (_, index) =>
      sampleVerdict({
        id: `no-lost-writes@f${index}`,
        title: `承認された書き込みは失われない ${index}`,
        verdict: 'fail',
        reason: `pod-${'x'.repeat(180)}-${index} ${'lost writes '.repeat(40)} 承認された書き込みが失われました。`,
      }),
    );
    const text = render(input(sampleVerdictFile(verdicts)), plain);
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(90);
    for (const index of [0, 99, 199]) expect(text).toContain(`@f${index} `);
  });

  it.each([40, 60, 61, 110, 300])('draws at %i columns', (columns) => {
    const lines = render(input(sampleVerdictFile([...SAMPLE_VERDICTS])), { columns, colour: false }).split(
      '\n',
    );
    const frame = lines.find((line) => line.startsWith('┌'));
    expect(frame?.length).toBe(Math.max(60, columns));
  });

  it('cuts nothing off, whatever the script of the reason', () => {
    const scripts = fc.constantFrom(
      'a',
      ' ',
      '写',
      '한',
      '́',
      '😀',
      '👩‍👩‍👧',
      '🇩🇪',
      'ｆ',
      '❤️',
      '-',
      'ก็',
      '©',
      '1️⃣',
    );
    fc.assert(
      fc.property(fc.array(scripts, { minLength: 1, maxLength: 120 }), (parts) => {
        const reason = parts.join('');
        const text = render(input(sampleVerdictFile([sampleVerdict({ reason })])), plain);
        // The table marks every cell that it had to cut.
        expect(text).not.toContain('…');
      }),
      { seed: 11, numRuns: 200 },
    );
  });
});

describe('wrap', () => {
  it('breaks at blanks, and inside a word only when the word alone is too wide', () => {
    expect(wrap('three short words', 11)).toEqual(['three short', 'words']);
    expect(wrap('pod-abcdefghijkl died', 8)).toEqual(['pod-abcd', 'efghijkl', 'died']);
    expect(wrap('写写写写', 5)).toEqual(['写写', '写写']);
    expect(wrap('', 5)).toEqual([]);
  });

  it('loses nothing but blanks', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 40 }), (text, width) => {
        expect(dense(wrap(printable(text), width).join(''))).toBe(dense(printable(text)));
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});

describe('colour and control characters', () => {
  // oxlint-disable-next-line no-control-regex
  const escapes = /\u001b\[\d+m/g;

  it('has no escape sequence without colour, and with it only around verdicts', () => {
    const file = sampleVerdictFile([...SAMPLE_VERDICTS]);
    const without = render(input(file), plain);
    const coloured = render(input(file), { ...plain, colour: true });
    expect(without).not.toContain('\u001b');
    expect(coloured.match(escapes)).toHaveLength(2 * (1 + SAMPLE_VERDICTS.length));
    expect(coloured.replaceAll(escapes, '')).toBe(without);
  });

  it('shows an escape sequence from a reason, and does not pass it on', () => {
    const hostile = sampleVerdict({
      title: 'a\u001b]0;owned\u0007',
      reason: 'pod\u001b[2J said\nhello ]]> | x',
    });
    const text = render(input(sampleVerdictFile([hostile], { remarks: ['\u001b[31m'] })), plain);
    expect(text).not.toContain('\u001b');
    expect(text).toContain('pod\\u{1b}[2J said hello ]]> | x');
  });

  it.each([
    ['a terminal', { isTTY: true, columns: 132 }, {}, { columns: 132, colour: true }],
    ['a pipe', {}, {}, { columns: 110, colour: false }],
    ['NO_COLOR', { isTTY: true, columns: 80 }, { NO_COLOR: '1' }, { columns: 80, colour: false }],
    ['an empty NO_COLOR', { isTTY: true, columns: 80 }, { NO_COLOR: '' }, { columns: 80, colour: true }],
    ['a dumb terminal', { isTTY: true, columns: 80 }, { TERM: 'dumb' }, { columns: 80, colour: false }],
  ])('knows what %s can show', (_name, stream, env, expected) => {
    expect(terminalOptions(stream, env)).toEqual(expected);
  });
});
