/**
 * The parts of one k6 test that several runners share: k6 numbers iterations and virtual users over the whole sequence, so each
 * number is one runner's alone (k6's options `execution-segment` and `execution-segment-sequence`; fractions are exact there).
 */

/** `0,1/3,2/3,1`: where the parts of `count` runners meet. Throws RangeError unless `count` is a whole number above 0. */
export function segmentSequence(count: number): string {
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`runners: expected a whole number above 0, got ${count}`);
  const between = Array.from({ length: count - 1 }, (_, index) => `${index + 1}/${count}`);
  return ['0', ...between, '1'].join(',');
}

/**
 * Sets RUNNER and SEGMENT of the runner that has this index in an Indexed Job, as the pod's own shell does it: nothing of a name is
 * ever part of a script. SEGMENT is `0/3:1/3`, `1/3:2/3`, `2/3:3/3`; runners are numbered from 1, as an operator's are.
 */
export const OWN_SEGMENT = [
  'next=$((JOB_COMPLETION_INDEX + 1))',
  'export RUNNER="$RUNNER_BASE-$next"',
  'SEGMENT="$JOB_COMPLETION_INDEX/$RUNNERS:$next/$RUNNERS"',
].join('\n');

/** Names of the runners of a load, from 1. */
export function runnerNames(base: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${base}-${index + 1}`);
}
