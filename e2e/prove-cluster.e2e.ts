/**
 * The judge is proven on a real Kubernetes, too: defects that make sense there turn exactly the checks red that they concern, and the
 * healthy system stays green.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { down, up, whyNoCluster } from './bare.ts';
import { defectRun, expectFound, expectHeld, FULL, judgedRun, red } from './proofload.ts';

/** Defect -> the one check that must fail, and what it must name. */
const TABLE: [defect: string, check: string, names: RegExp][] = [
  ['drop-on-sigterm', 'no-acknowledged-write-lost', /load\/\d+:\d+ /],
  ['ignore-sigterm', 'stops-within-grace', /luminate-\S+ .*luminate-\S+ .*luminate-/],
  ['ready-without-store', 'ready-only-while-serving', /luminate-\S+ .*luminate-\S+ .*luminate-/],
];

const why = whyNoCluster();
if (why !== null) process.stderr.write(`skipped: ${why}\n`);

describe.skipIf(why !== null)('on a bare cluster', () => {
  beforeAll(async () => {
    await down();
    await up();
  });
  afterAll(() => down());

  it.each(TABLE)('defect %s turns exactly %s red', async (defect, check, names) => {
    const run = await defectRun(['four-faults-2m', '--on', 'bare'], defect, [check]);
    expect(expectFound(run, [check]).reason).toMatch(names);
    process.stderr.write(`${defect}:\n  ${red(run).join('\n  ')}\n`);
  });

  // The soak of cluster.e2e.ts is a healthy one, too.
  it.runIf(FULL)('leaves the healthy system green', async () => {
    const run = await judgedRun(['four-faults-2m', '--on', 'bare', '--seed', '2']);
    expectHeld(run);
  });
});
