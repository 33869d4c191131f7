/** Rules of five systems: one guide's alerts with what is known to be wrong with each, ours, and many that are sound. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../../record/root.ts';
import { parseRuleFile } from './rule-file-read.ts';
import { findingsOf } from './testing.ts';

const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');
const SOUND = 'analysis/rules/fixtures/sound';

it('finds what is wrong with each of the five alerts of Kalcifer', () => {
  const found = findingsOf(read('systems/kalcifer/rules.yaml'));
  expect(found.map(({ rule, object }) => `${object}: ${rule}`)).toEqual([
    'alert HighJourneyFailureRate: zero-division',
    'alert HighChannelBounceRate: join-label',
    'alert HighMemoryUsage: annotation-figure',
    'alert SlowNodeExecution: histogram-no-bucket',
    'alert CrashRecoverySpike: rare-events-per-second',
  ]);
  const whys = found.map(({ why }) => why);
  expect(whys[0]).toContain('x/0 is +Inf');
  expect(whys[1]).toMatch(/right side of \/ has provider.*can never fire/);
  expect(whys[2]).toMatch(/says 3\.5 GB.*3\.67 GB or 3\.42 GiB/);
  expect(whys[3]).toMatch(/no label le.*can never fire/);
  expect(whys[4]).toContain('needs more than 3000 within 5m');
});

it('finds nothing in the alerts of Luminate, which name only metrics that it exports', () => {
  const text = read('systems/luminate/rules.yaml');
  expect(findingsOf(text)).toEqual([]);
  const exported = read('systems/luminate/reference/metrics.ts');
  const named = new Set([...text.matchAll(/luminate_\w+?(?=(_bucket)?\{)/g)].map(([name]) => name));
  expect(named.size).toBe(4);
  for (const name of named) expect(exported).toContain(`'${name}'`);
});

it.each(readdirSync(path.join(ROOT, SOUND)))('finds nothing at all in %s', (file) => {
  expect(findingsOf(read(path.join(SOUND, file)))).toEqual([]);
});

it('has more than a hundred sound rules', () => {
  const rules = readdirSync(path.join(ROOT, SOUND)).flatMap((file) =>
    parseRuleFile(read(path.join(SOUND, file)), file).groups.flatMap((group) => group.rules),
  );
  expect(rules.filter(({ expr }) => expr !== null).length).toBeGreaterThanOrEqual(100);
});
