/**
 * Alerts in a real Prometheus against the deadlines computed from their rules: every firing in time; and what keeps a judge from judging
 * (a restart, rules that are refused, a target that is not scraped, a fault that never crosses the threshold) told apart.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deadlines } from '../analysis/alerts/deadlines.ts';
import { type AlertJudgement, type ExpectedFault, judgeAlert } from '../analysis/alerts/judge.ts';
import { type AlertView, alertViews, unwatched } from '../analysis/alerts/view.ts';
import { watchedView } from '../analysis/alerts/testing-run.ts';
import { eventsOf } from '../analysis/load-view.ts';
import { findEngine } from '../harness/engines.ts';
import { planWatch } from '../harness/prometheus/watch-plan.ts';
import { type Watch, watchAlerts } from '../harness/prometheus/watch.ts';
import { randomFrom } from '../harness/random.ts';
import { openJournal } from '../harness/undo.ts';
import { launchPrometheus, type LocalPrometheus } from '../platforms/local/prometheus.ts';
import type { StartedPrometheus } from '../platforms/platform.ts';
import { type Event, UsageError } from '../record/model.ts';
import { type Fault, startTarget } from './alerts-live-target.ts';
import { FULL } from './proofload.ts';

const RULES = `groups:
- name: live
  interval: 1s
  rules:
  - alert: Half
    expr: sum(rate(work_total{status="500"}[4s])) / sum(rate(work_total[4s])) > 0.5
  - alert: Few
    expr: sum(rate(work_total{status="500"}[6s])) / sum(rate(work_total[6s])) > 0.05
    for: 2s
  - alert: Some
    expr: sum(rate(work_total{status="500"}[10s])) / sum(rate(work_total[10s])) > 0.2
    for: 3s
    keep_firing_for: 2s
  - alert: Slow
    expr: histogram_quantile(0.95, sum by (le) (rate(work_seconds_bucket[8s]))) > 0.5
    for: 1s
  - alert: Broken
    expr: broken > 0
    for: 2s
`;
const SEED = 20_261_121;
const SHARE = 0.8;
const FAULT_MS = 14_000;
/** The longest window before a fault, and everything after it, belong to it alone. */
const BETWEEN_MS = 26_000;
const CYCLES = 4;
const MAY_BE_UNJUDGEABLE = 2;

const dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-alerts-live-'));
const controller = new AbortController();
let missing = FULL ? '' : 'a live Prometheus is part of make e2e-full: it has to be built first';

beforeAll(async () => {
  if (missing !== '') return;
  const onProgress = (line: string) => void process.stderr.write(`${line}\n`);
  try {
    await findEngine('prometheus', { signal: controller.signal, onProgress });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    missing = error.message;
  }
});
beforeEach(({ skip }) => skip(missing !== '', missing));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Stage {
  nowMs: () => number;
  events: Event[];
  watch: Watch;
  prometheus: LocalPrometheus | undefined;
}

interface Play {
  name: string;
  rules?: string;
  faults: Fault[];
  /** In place of the target's own address. */
  address?: string;
  /** What the watch is given in place of what was launched. */
  wrap?: (launched: LocalPrometheus) => StartedPrometheus;
  play: (stage: Stage) => Promise<void>;
}

/** Everything that was told of one watch, from its start to its end. */
async function watched({ name, rules = RULES, faults, address, wrap, play }: Play): Promise<Event[]> {
  const evidenceDir = path.join(dir, name);
  mkdirSync(evidenceDir);
  const startedMs = performance.now();
  const nowMs = () => performance.now() - startedMs;
  const target = await startTarget(faults, nowMs);
  const events: Event[] = [];
  let prometheus: LocalPrometheus | undefined;
  try {
    const watch = await watchAlerts({
      plan: planWatch({
        prometheus: { scrapeIntervalMs: 1_000, evaluationIntervalMs: 1_000 },
        rules: { file: 'rules.yaml', text: RULES },
        compress: 1,
      }),
      async start(request) {
        prometheus = await launchPrometheus({
          request: { ...request, rules: { 'rules.yaml': rules } },
          targets: [{ address: address ?? target.address, path: '/metrics', labels: { pod: 'target' } }],
          runId: `alerts-live-${process.pid}-${name}`,
          evidenceDir,
          undo: openJournal(evidenceDir),
          signal: controller.signal,
        });
        return wrap?.(prometheus) ?? prometheus;
      },
      writer: {
        emit: (event) => void events.push({ ...event, at: event.at ?? nowMs() }),
        evidence: () => undefined,
        observe: () => undefined,
      },
      nowMs,
      signal: controller.signal,
    });
    try {
      await play({ nowMs, events, watch, prometheus });
    } finally {
      await watch.end();
    }
  } finally {
    await target.close();
  }
  return events;
}

function until(nowMs: () => number, atMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - nowMs())));
}

/** What the judge says of each alert for each fault. */
function judgedOf(
  events: Event[],
  faults: readonly Fault[],
): { view: AlertView; found: AlertJudgement[]; expected: ExpectedFault[] }[] {
  return alertViews({ events }).map((view) => {
    const { scrapeDurationMs, evaluationDurationMs } = view.rule;
    const expected = faults.map(({ name, fromMs, toMs, share }): ExpectedFault => {
      const times = {
        started: { fromMs, toMs: fromMs },
        ended: { fromMs: toMs, toMs },
      };
      const delays = {
        scrapeDurationMs,
        evaluationDurationMs,
        countedLateMs: 0,
        seriesCreatedByFault: false,
      };
      return { name, times, deadlines: deadlines(view.timing, times, share, delays) };
    });
    return { view, expected, found: judgeAlert(view.timing, expected, view.observed) };
  });
}

/** What every check of alerts says of a run with these events, before it looks at any alert. */
function saidOf(events: Event[]) {
  return unwatched({ ...watchedView(), events });
}

describe.concurrent('a live Prometheus', () => {
  it(`fires and resolves in time, ${5 * CYCLES} times`, async () => {
    const random = randomFrom(SEED);
    const faults: Fault[] = [];
    const events = await watched({
      name: 'cycles',
      faults,
      async play({ nowMs }) {
        let fromMs = nowMs() + 12_000;
        for (let cycle = 0; cycle < CYCLES; cycle++) {
          fromMs += random() * 1_000;
          faults.push({ name: `fault ${cycle}`, fromMs, toMs: fromMs + FAULT_MS, share: SHARE });
          fromMs += FAULT_MS + BETWEEN_MS;
        }
        await until(nowMs, fromMs - BETWEEN_MS + 16_000);
      },
    });
    const judged = judgedOf(events, faults);
    const lines = judged.flatMap(({ view, expected, found }) =>
      expected.map(({ name, times, deadlines: { fire, resolve } }, i) => {
        const firing = view.observed.firings.find(({ firedMs }) => firedMs.toMs >= times.started.fromMs);
        const place = (at: number | undefined, deadline: typeof fire) =>
          at === undefined || deadline === null
            ? '-'
            : `${Math.round(at - deadline.fromMs)} of ${Math.round(deadline.toMs - deadline.fromMs)} ms`;
        return `${view.rule.alert}, ${name}: ${found[i]?.verdict}; fired at ${place(firing?.firedMs.toMs, fire)}, resolved at ${place(firing?.resolvedMs?.toMs, resolve)}`;
      }),
    );
    process.stderr.write(`${lines.join('\n')}\n`);
    for (const { kind, ...blind } of eventsOf(events, 'alert.blind'))
      process.stderr.write(`${kind} ${JSON.stringify(blind)}\n`);
    const verdicts = judged.flatMap(({ found }) => found);
    expect(verdicts).toHaveLength(5 * CYCLES);
    expect(verdicts.filter(({ verdict }) => verdict !== 'in-time' && verdict !== 'not-judgeable')).toEqual(
      [],
    );
    expect(verdicts.filter(({ verdict }) => verdict === 'not-judgeable').length).toBeLessThanOrEqual(
      MAY_BE_UNJUDGEABLE,
    );
    expect(eventsOf(events, 'prometheus.ended').map(({ why }) => why)).toEqual(['']);
  });

  it('says that Prometheus was restarted', async () => {
    const faults: Fault[] = [];
    let again: ReturnType<typeof spawn> | undefined;
    const events = await watched({
      name: 'restart',
      faults,
      wrap: (launched) => ({
        ...launched,
        ended: () => null,
        async stop() {
          again?.kill('SIGKILL');
          await launched.stop();
        },
      }),
      async play({ nowMs, prometheus }) {
        if (prometheus === undefined) throw new Error('it was not launched');
        const [program = '', ...args] = readFileSync(`/proc/${prometheus.pid}/cmdline`, 'utf8')
          .split('\0')
          .slice(0, -1);
        const fromMs = nowMs() + 12_000;
        faults.push({ name: 'fault', fromMs, toMs: fromMs + 8_000, share: SHARE });
        await until(nowMs, fromMs + 3_000);
        const cwd = path.dirname(args[0]?.split('=')[1] ?? dir);
        process.kill(prometheus.pid, 'SIGKILL');
        await until(nowMs, fromMs + 4_000);
        again = spawn(program, args, { cwd, stdio: 'ignore' });
        await until(nowMs, fromMs + 8_000 + 15_000);
      },
    });
    expect(eventsOf(events, 'alert.blind').map(({ what }) => what)).toContain('Prometheus restarted');
    for (const { found } of judgedOf(events, faults))
      expect(found[0]).toMatchObject({
        verdict: 'not-judgeable',
        why: expect.stringContaining('Prometheus restarted'),
      });
  });

  it('says that Prometheus died, and tells what was seen before', async () => {
    const events = await watched({
      name: 'death',
      faults: [],
      async play({ nowMs, prometheus }) {
        await until(nowMs, nowMs() + 3_000);
        process.kill(prometheus?.pid ?? 0, 'SIGKILL');
        await until(nowMs, nowMs() + 500);
      },
    });
    expect(eventsOf(events, 'prometheus.ended')[0]?.why).toMatch(/^Prometheus ended by itself/);
    expect(eventsOf(events, 'alert.rule').map(({ alert, heldMs }) => [alert, heldMs])).toContainEqual([
      'Half',
      null,
    ]);
  });

  it('says that the rules are refused', async () => {
    const events = await watched({
      name: 'refused',
      rules: RULES.replace('sum(rate(work_total[4s]))', 'sum(rate(work_total[4s])'),
      faults: [],
      play: () => Promise.resolve(),
    });
    expect(events.map(({ kind }) => kind)).toEqual(['prometheus.ended']);
    expect(events[0]).toMatchObject({
      rulesRefused: true,
      why: expect.stringContaining('could not parse expression'),
    });
    expect(saidOf(events)).toMatchObject({
      verdict: 'invalid',
      reason: expect.stringContaining('Prometheus refused the rules'),
    });
  });

  it('says that the target is not scraped', async () => {
    const events = await watched({
      name: 'unscraped',
      // Nobody listens on it.
      address: '127.0.0.1:1',
      faults: [],
      play: ({ nowMs }) => until(nowMs, nowMs() + 3_000),
    });
    expect(eventsOf(events, 'alert.blind')).toEqual([
      expect.objectContaining({ what: 'not scraped', detail: expect.stringContaining('connection refused') }),
    ]);
    expect(saidOf(events)).toMatchObject({
      verdict: 'invalid',
      reason: expect.stringContaining('never scraped the system'),
    });
  });

  it('is silent where the fault never crosses the threshold', async () => {
    const faults: Fault[] = [];
    const events = await watched({
      name: 'small',
      faults,
      async play({ nowMs }) {
        const fromMs = nowMs() + 12_000;
        faults.push({ name: 'fault', fromMs, toMs: fromMs + 8_000, share: 0.04 });
        await until(nowMs, fromMs + 8_000 + 15_000);
      },
    });
    const verdicts = judgedOf(events, faults).map(({ view, found }) => [view.rule.alert, found[0]?.verdict]);
    expect(Object.fromEntries(verdicts)).toEqual({
      Half: 'rightly-silent',
      Few: 'rightly-silent',
      Some: 'rightly-silent',
      Slow: 'rightly-silent',
      Broken: 'in-time',
    });
  });
});
