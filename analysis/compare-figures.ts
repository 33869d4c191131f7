/** The figures of two runs side by side; those that carry their own noise are judged, and so is every lost write. */
import type { VerdictFile } from '../record/model.ts';
import type { InputDifference } from './compare-inputs.ts';
import { differences, type MeasureName, type Measures, measuresOf } from './compare-noise.ts';
import { type Block, BLOCK_SECONDS, blocksOf } from './compare-samples.ts';
import type { RunView } from './view.ts';

export interface JudgedRun {
  view: RunView;
  file: VerdictFile;
}

/** What a line says about the question "is B worse than A?". */
export type Finding = 'worse' | 'cannot tell' | 'not worse';

export interface FigureChange {
  name: string;
  unit: string;
  a: number | null;
  b: number | null;
  difference: number | null;
  /** b / a; null where a is 0 or one is missing. */
  ratio: number | null;
  change: 'unchanged' | 'better' | 'worse' | 'within the noise' | 'cannot tell' | 'not judged';
  /** Null = not judged. */
  finding: Finding | null;
  reason: string;
}

interface Rule {
  measure: MeasureName;
  worse: 'higher' | 'lower';
  /** A difference up to the larger of both is of no practical matter: a share of A's figure, and the figure's own unit. */
  marginShare: number;
  margin: number;
}

/**
 * The margins stand for what two runs cannot show: the noise between runs. Repeated runs of one scenario on a shared machine of two CPUs
 * differed by 1 ms in the median and by up to a factor of two, 31 ms, in the 99th percentile. 5 % is the least effect that nightly
 * comparisons on shared runners can be held to; 0.1 % of the arrivals is what the generator itself may drop.
 */
const RULES: Record<string, Rule> = {
  'acknowledged points outside fault windows': {
    measure: 'ackedPerS',
    worse: 'lower',
    marginShare: 0.05,
    margin: 0,
  },
  'served outside fault windows': { measure: 'servedShare', worse: 'lower', marginShare: 0, margin: 0.001 },
  'p50 outside fault windows': { measure: 'p50Ms', worse: 'higher', marginShare: 0.2, margin: 5 },
  'p99 outside fault windows': { measure: 'p99Ms', worse: 'higher', marginShare: 0.5, margin: 20 },
};
/** Fewer blocks, and resampling them understates the noise. */
const MIN_BLOCKS = 10;
/** Fewer acknowledged writes have less than ten beyond their 99th percentile. */
const MIN_P99_WRITES = 1_000;

export function figureChanges(
  a: JudgedRun,
  b: JudgedRun,
  inputs: readonly InputDifference[],
  random: () => number,
): FigureChange[] {
  const [before, after] = [blocksOf(a.view), blocksOf(b.view)];
  const refused = notComparable(a, b, inputs) ?? tooFew('A', before) ?? tooFew('B', after);
  const judge =
    refused === null ? noiseJudge(a.view.judged?.pointsPerWrite ?? 1, before, after, random) : null;
  const [figuresA, figuresB] = [figuresOf(a.file, before), figuresOf(b.file, after)];
  const names = [...new Set(['lost', ...Object.keys(RULES), ...figuresA.keys(), ...figuresB.keys()])];
  return names.map((name) => {
    const [x, y] = [figuresA.get(name), figuresB.get(name)];
    const head = { name, unit: (x ?? y)?.unit ?? '', a: x?.value ?? null, b: y?.value ?? null };
    const both = head.a !== null && head.b !== null ? { a: head.a, b: head.b } : null;
    const rule = RULES[name];
    let verdict: Judged = { change: 'not judged', finding: null, reason: '' };
    if (name === 'lost') verdict = lossChange(both);
    else if (rule) verdict = judge?.(rule, head.unit) ?? unknown(refused ?? 'not measured');
    return {
      ...head,
      difference: both && both.b - both.a,
      ratio: both && both.a !== 0 ? both.b / both.a : null,
      ...verdict,
    };
  });
}

type Judged = Pick<FigureChange, 'change' | 'finding' | 'reason'>;

function unknown(reason: string): Judged {
  return { change: 'cannot tell', finding: 'cannot tell', reason };
}

function figuresOf(file: VerdictFile, blocks: readonly Block[]): Map<string, VerdictFile['figures'][number]> {
  const share = measuresOf(blocks).servedShare;
  const served = {
    name: 'served outside fault windows',
    value: Number.isFinite(share) ? share : null,
    unit: 'share of arrivals',
  };
  return new Map([...file.figures, served].map((figure) => [figure.name, figure]));
}

/** Why latency and throughput of these two must not be held against each other, or null. */
function notComparable(a: JudgedRun, b: JudgedRun, inputs: readonly InputDifference[]): string | null {
  const other = inputs.filter(({ ofFigures }) => ofFigures).map(({ input }) => input);
  if (other.length > 0) return `the runs differ in ${other.join(', ')}`;
  for (const [letter, { file }] of [
    ['A', a],
    ['B', b],
  ] as const) {
    const broken = file.verdicts.find(({ verdict }) => verdict === 'invalid');
    if (broken) return `run ${letter} is invalid (${broken.id})`;
    if (!file.verdicts.some(({ check, verdict }) => check === 'generator-valid' && verdict === 'pass'))
      return `nothing says that the generator of run ${letter} was sound (no generator-valid that passed)`;
  }
  return null;
}

function tooFew(letter: string, blocks: readonly Block[]): string | null {
  const seconds = blocks.reduce((total, { lengthS }) => total + lengthS, 0);
  return blocks.length < MIN_BLOCKS
    ? `run ${letter} has ${Math.round(seconds)} s of judged load outside fault windows, and it takes ${MIN_BLOCKS * BLOCK_SECONDS} s`
    : null;
}

/** Judges by the whole interval of the difference: beyond the margin, within it, or across it. */
function noiseJudge(
  pointsPerWrite: number,
  before: readonly Block[],
  after: readonly Block[],
  random: () => number,
): (rule: Rule, unit: string) => Judged {
  const intervals = differences(before, after, random);
  const base: Measures = measuresOf(before);
  const writes = Math.min(
    ...[before, after].map((blocks) => blocks.reduce((total, { served }) => total + served, 0)),
  );
  return ({ measure, worse, marginShare, margin: least }, unit) => {
    if (measure === 'p99Ms' && writes < MIN_P99_WRITES)
      return unknown(`one run has ${writes} acknowledged writes there, and it takes ${MIN_P99_WRITES}`);
    const scale = measure === 'ackedPerS' ? pointsPerWrite : 1;
    const [lo, hi] = intervals[measure].map((value) => value * scale) as [number, number];
    if (!Number.isFinite(lo) || !Number.isFinite(hi)) return unknown('not measured');
    const margin = Math.max(least, marginShare * base[measure] * scale);
    const sign = worse === 'higher' ? 1 : -1;
    const [best, worst] = sign > 0 ? [lo, hi] : [-hi, -lo];
    const words = `${signed(lo)} to ${signed(hi)}, margin ${plain(margin)} ${unit}`;
    if (best > margin) return { change: 'worse', finding: 'worse', reason: words };
    if (worst > margin) return unknown(words);
    return { change: worst < -margin ? 'better' : 'within the noise', finding: 'not worse', reason: words };
  };
}

/** An acknowledged write that is lost is never noise; how many a broken system loses is: it depends on the moment of the fault. */
function lossChange(both: { a: number; b: number } | null): Judged {
  if (both === null) return unknown('of one of the runs nobody knows what is lost');
  if (both.a === 0 && both.b === 0)
    return { change: 'unchanged', finding: 'not worse', reason: 'none in either' };
  if (both.a === 0)
    return { change: 'worse', finding: 'worse', reason: 'A lost none; one lost write is no noise' };
  if (both.b === 0) return { change: 'better', finding: 'not worse', reason: 'B lost none' };
  return unknown('both lose writes; how many depends on the moment that the fault struck');
}

function plain(value: number): string {
  return value.toLocaleString(
    'en-US',
    Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 },
  );
}

function signed(value: number): string {
  return value > 0 ? `+${plain(value)}` : plain(value);
}
