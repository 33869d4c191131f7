/**
 * The deadlines of alerts against Prometheus itself: random rules, faults and phases, played by promtool in virtual time. No deadline is
 * violated, none can be tightened by leaving one of its terms out, and every bound is nearly reached.
 */
import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { Deadline, Deadlines } from '../analysis/alerts/deadline.ts';
import {
  deadlinesOf,
  ruleTestOf,
  type Setting,
  settings,
  type Timeline,
} from '../analysis/alerts/testing-timelines.ts';
import { findEngine } from '../harness/engines.ts';
import { playRuleTest } from '../harness/promtool-rules.ts';
import { randomFrom } from '../harness/random.ts';
import { UsageError } from '../record/model.ts';
import { FULL } from './proofload.ts';

const SEED = 20_261_121;
const TIMELINES_EACH = 25;
const SETTINGS = FULL ? 40 : 10;

interface Seen {
  setting: Setting;
  line: Timeline;
  deadlines: Deadlines;
  firedMs: number | null;
  resolvedMs: number | null;
  evaluations: number;
}

let promtool = '';
let missing = '';
const seen: Seen[] = [];

beforeAll(async () => {
  const { signal } = new AbortController();
  try {
    const onProgress = (line: string) => void process.stderr.write(`${line}\n`);
    promtool = (await findEngine('promtool', { signal, onProgress })).path;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    missing = error.message;
    return;
  }
  for (const setting of settings(randomFrom(SEED), SETTINGS, TIMELINES_EACH)) {
    const answers = await playRuleTest(promtool, ruleTestOf(setting), signal);
    for (const line of setting.timelines) seen.push(seenOf(setting, line, answers));
  }
  process.stderr.write(`${seen.length} time lines of seed ${SEED}\n`);
});

beforeEach(({ skip }) => skip(missing !== '', missing));

function seenOf(setting: Setting, line: Timeline, answers: ReadonlyMap<string, number | null>): Seen {
  const answer = (what: string) => {
    const value = answers.get(`${line.id}.${what}`);
    if (typeof value !== 'number') throw new Error(`promtool said nothing of ${line.id}.${what}`);
    return value;
  };
  const fired = answer('min') >= 0;
  const { evaluationIntervalMs } = setting.timing;
  return {
    setting,
    line,
    deadlines: deadlinesOf(setting.timing, line),
    firedMs: fired ? answer('min') * 1_000 : null,
    resolvedMs: fired ? answer('max') * 1_000 + evaluationIntervalMs : null,
    evaluations: answer('count'),
  };
}

/** What is wrong with one; '' for nothing. */
function violation({ setting, deadlines, firedMs, resolvedMs, evaluations }: Seen): string {
  const { firing, fire, resolve } = deadlines;
  if (firedMs === null || resolvedMs === null) return firing === 'must' ? 'it did not fire' : '';
  if (fire === null) return 'it fired';
  if (resolve === null) return 'no deadline to resolve';
  if (outside(firedMs, fire)) return `fired at ${firedMs}, not in ${fire.fromMs}..${fire.toMs}`;
  if (outside(resolvedMs, resolve))
    return `resolved at ${resolvedMs}, not in ${resolve.fromMs}..${resolve.toMs}`;
  const once = (resolvedMs - firedMs) / setting.timing.evaluationIntervalMs;
  return firing === 'must' && evaluations !== once ? `fired ${evaluations} evaluations of ${once}` : '';
}

function outside(ms: number, { fromMs, toMs }: { fromMs: number; toMs: number }): boolean {
  return ms < fromMs || ms > toMs;
}

it('holds in every time line', () => {
  const wrong = seen.flatMap((one) => {
    const why = violation(one);
    return why === '' ? [] : [`${why}: ${JSON.stringify(one.line)} ${JSON.stringify(one.setting.timing)}`];
  });
  expect(wrong).toEqual([]);
  const count = (firing: string, fired: boolean) =>
    seen.filter(({ deadlines, firedMs }) => deadlines.firing === firing && (firedMs !== null) === fired)
      .length;
  // All of them were met: what must fire, what must not, and what may do either.
  expect(count('must', true)).toBeGreaterThan(SETTINGS * 10);
  expect(count('never', false)).toBeGreaterThan(SETTINGS);
  expect(count('may', true)).toBeGreaterThan(0);
  expect(count('may', false)).toBeGreaterThan(0);
});

const ENDS = [
  ['fire', 'the windowed share crosses the threshold'],
  ['fire', 'the next scrape'],
  ['fire', 'the next evaluation'],
  ['fire', 'for'],
  ['resolve', 'the windowed share falls to the threshold'],
  ['resolve', 'the next scrape'],
  ['resolve', 'the next evaluation'],
  ['resolve', 'keep_firing_for'],
] as const;

/** Those that had to fire under constant traffic, which the formula is for: the deadline, and the time that it was met at. */
function met(which: 'fire' | 'resolve'): { one: Seen; deadline: Deadline; ms: number }[] {
  return seen.flatMap((one) => {
    const deadline = one.deadlines[which];
    const ms = which === 'fire' ? one.firedMs : one.resolvedMs;
    return one.deadlines.firing === 'must' && one.line.swing === 0 && deadline !== null && ms !== null
      ? [{ one, deadline, ms }]
      : [];
  });
}

it.each(ENDS)('needs every term of its late end: %s, %s', (which, name) => {
  const broken = met(which).filter(({ deadline, ms }) => {
    const left = deadline.terms.find((term) => term.name === name);
    return left !== undefined && ms > deadline.toMs - left.toMs;
  });
  process.stderr.write(`${which} without "${name}": ${broken.length} time lines late\n`);
  expect(broken.length).toBeGreaterThan(0);
});

it.each(ENDS.filter(([, name]) => !name.startsWith('the next')))(
  'needs every term of its early end: %s, %s',
  (which, name) => {
    // Without it the bound would be further away than the phases can explain: a scrape, an evaluation, and what the window leaves open.
    const near = met(which).filter(({ one, deadline, ms }) => {
      const left = deadline.terms.find((term) => term.name === name);
      const { scrapeIntervalMs, evaluationIntervalMs } = one.setting.timing;
      return (
        left !== undefined &&
        left.fromMs > 3 * scrapeIntervalMs + evaluationIntervalMs &&
        ms <= deadline.fromMs + evaluationIntervalMs
      );
    });
    expect(near.length).toBeGreaterThan(0);
  },
);

it.each(['fire', 'resolve'] as const)('needs the two scrapes at the edges of its window: %s', (which) => {
  const early = met(which).filter(({ deadline, ms }) => {
    const window = deadline.terms.find(({ name }) => name.startsWith('the windowed share'));
    return window !== undefined && ms < deadline.fromMs + window.toMs - window.fromMs;
  });
  expect(early.length).toBeGreaterThan(0);
});

it.each(['fire', 'resolve'] as const)('is met within a step of both ends: %s', (which) => {
  const near = (distance: (found: { deadline: Deadline; ms: number }) => number) => {
    const nearest = met(which).reduce((best, found) => Math.min(best, distance(found)), Infinity);
    const within = met(which).filter(
      (found) => distance(found) <= found.one.setting.timing.evaluationIntervalMs,
    );
    return { nearest, within: within.length };
  };
  const early = near(({ deadline, ms }) => ms - deadline.fromMs);
  const late = near(({ deadline, ms }) => deadline.toMs - ms);
  process.stderr.write(
    `${which}: ${JSON.stringify({ early, late })} (nearest in ms, time lines within a step)\n`,
  );
  expect(early.within).toBeGreaterThan(0);
  expect(late.within).toBeGreaterThan(0);
});
