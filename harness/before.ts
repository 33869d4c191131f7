/** The load ahead of the judged one: played to its end, with a ledger of its own, and then what it left for the judged load to aim at. */
import { scanLedger } from '../analysis/ledger-scan.ts';
import type { Load } from '../record/model.ts';
import { type LedgerFile, openRun } from '../record/reader.ts';
import { createGuard } from './guard.ts';
import type { LoadRunner } from './load-runner.ts';
import { untilAborted } from './pause.ts';
import type { Session } from './session.ts';

const RUNNER = 'before';
const ROUND = /^before(?:-round-(\d+))?(?:-\d+)?$/;
/** What the machine could not carry at first is started in further rounds, each a runner of its own, at most so many in all. */
const MAX_ROUNDS = 6;
/** k6 plays nothing shorter. */
const LEAST_S = 1;
/** The next round goes a little below what was acknowledged a second: at the ceiling itself every queue is full. */
const STEP_BACK = 0.85;
/** No further round is played that is longer than so many times the scheduled length, nor one that makes all rounds together longer than so many. */
const MAX_ROUND = 3;
const MAX_IN_ALL = 6;
/** Virtual users of the judged load that are held up leave writes to aim at out, and the others go past the even share (scenarios/k6/lib/aim.ts). */
const MARGIN = 2;
/** Longest text of an environment variable that is given on: Linux allows 128 KiB for one. */
const MAX_AIM_CHARS = 100_000;

/**
 * Resolves with what the judged load's script is told of it (`AIM`); the run is aborted when there is not enough to aim at. What ledgers of it are
 * in the run directory already (resume.ts) counts, and its rounds go on behind theirs.
 */
export async function playBefore(session: Session, loads: LoadRunner, load: Load): Promise<string> {
  const { writer, nowMs, signal, enter, abort, dir, plan } = session;
  enter('before');
  const of = writesOf(load);
  const beganMs = nowMs();
  const { logs } = openRun(dir);
  const earlier = aimAt(logs).acknowledged;
  const roundsBefore = Math.max(0, ...logs.map(({ runner }) => roundOf(runner) ?? 0));
  let started = earlier;
  let playedMs = 0;
  let { ratePerS } = load;
  for (let round = 1; round <= MAX_ROUNDS && started < of && !signal.aborted; round += 1) {
    ratePerS = Math.min(ratePerS, (of - started) / LEAST_S);
    const forMs = Math.ceil(((of - started) / ratePerS) * 1_000);
    const tooLong = round === 1 ? null : tooLongFor(load, forMs, playedMs);
    if (tooLong !== null) {
      abort('inconclusive', `${started} of the ${of} writes before were acknowledged, and ${tooLong}`);
      break;
    }
    const acked = await playRound(session, loads, {
      round: roundsBefore + round,
      ratePerS,
      forMs,
      started,
      of,
    });
    if (acked === null) break;
    if (acked === 0) {
      const lengthS = (forMs / 1_000).toFixed(1);
      const rate = ratePerS.toFixed(1);
      abort(
        'inconclusive',
        `round ${roundsBefore + round} of the load before, ${lengthS} s at ${rate}/s, had none of its writes acknowledged, so another would have none either`,
      );
      break;
    }
    started += acked;
    playedMs += forMs;
    ratePerS = Math.max(1, Math.min(ratePerS, (acked / forMs) * 1_000 * (started < of ? STEP_BACK : 1)));
  }
  const tookS = (nowMs() - beganMs) / 1_000;
  const { text, aimed, acknowledged } = aimAt(openRun(dir).logs);
  writer.emit({
    kind: 'note',
    text: `the load before: ${acknowledged} of ${of} writes acknowledged${earlier === 0 ? '' : `, ${earlier} of them earlier and the others`} in ${tookS.toFixed(1)} s (${Math.round((acknowledged - earlier) / tookS)}/s); ${aimed} can be aimed at`,
  });
  const needed = neededBefore(plan.scenario.load);
  if (aimed < needed)
    abort(
      'inconclusive',
      `the judged load needs ${needed} writes of the load before, and ${aimed} are there`,
    );
  return text;
}

/** Why a further round of `forMs` is not worth waiting for, after rounds of `playedMs` in all; null = it is. */
function tooLongFor(load: Load, forMs: number, playedMs: number): string | null {
  const lengthMs = Math.max(load.forMs, LEAST_S * 1_000);
  const [s, scheduledS] = [forMs, lengthMs].map((ms) => `${(ms / 1_000).toFixed(1)} s`);
  if (forMs > MAX_ROUND * lengthMs)
    return `the rest would take ${s} at the rate they came, more than ${MAX_ROUND} x the ${scheduledS} of its schedule`;
  if (playedMs + forMs > MAX_IN_ALL * lengthMs)
    return `with ${s} for the rest all rounds would take more than ${MAX_IN_ALL} x the ${scheduledS} of its schedule`;
  return null;
}

/** One k6 to the end of its schedule. Returns its acknowledged writes; null, with the run aborted, when it failed. */
async function playRound(
  session: Session,
  loads: LoadRunner,
  round: { round: number; ratePerS: number; forMs: number; started: number; of: number },
): Promise<number | null> {
  const { observers, signal, abort } = session;
  const guard = createGuard(session);
  let acked = 0;
  const running = await loads.start({
    runner: round.round === 1 ? RUNNER : `${RUNNER}-round-${round.round}`,
    ratePerS: round.ratePerS,
    forMs: round.forMs,
    warmupMs: 0,
    judged: false,
    onSecond(second) {
      acked += second.acked;
      const before = { started: round.started + acked, of: round.of };
      for (const observer of observers) observer.progress({ ...second, before });
      guard.second(second);
    },
  });
  await Promise.race([running.ended, untilAborted(signal)]);
  await running.stop();
  const { exitCode, why } = await running.ended;
  if (exitCode === 0 || signal.aborted) return acked;
  abort('invalid', `the load before the judged one failed: ${why}`);
  return null;
}

/** Of a runner of the load before, 1 for the first; null = it is another's. */
export function roundOf(runner: string): number | null {
  // Inside a cluster each round has several, numbered once more.
  const found = ROUND.exec(runner);
  return found && Number(found[1] ?? 1);
}

/** Writes of the load before that must be there for `load` to aim at. */
export function neededBefore(load: Load): number {
  return MARGIN * writesOf(load);
}

/** As many as its schedule asks for. */
export function writesOf({ ratePerS, forMs }: Load): number {
  return Math.round((ratePerS * forMs) / 1_000);
}

/** The acknowledged writes of the load before in the form of scenarios/k6/lib/aim.ts, one virtual user after the other, as far as the text has room. */
export function aimAt(logs: readonly LedgerFile[]): { text: string; aimed: number; acknowledged: number } {
  const parts: string[] = [];
  let aimed = 0;
  let acknowledged = 0;
  let room = MAX_AIM_CHARS;
  for (const { runner, chunks } of logs) {
    if (roundOf(runner) === null) continue;
    const spans = new Map<number, [from: number, to: number][]>();
    scanLedger(chunks(), ({ outcome, vu, n }) => {
      if (outcome !== 'A') return;
      acknowledged += 1;
      const known = spans.get(vu) ?? [];
      spans.set(vu, known);
      const last = known.at(-1);
      if (last?.[1] === n - 1) last[1] = n;
      else known.push([n, n]);
    });
    const ranges: string[] = [];
    for (const [vu, known] of spans)
      for (const [from, to] of known) {
        const range = `${vu}:${from}-${to}`;
        room -= range.length + 1;
        if (room < 0) continue;
        ranges.push(range);
        aimed += to - from + 1;
      }
    room -= runner.length + 2;
    if (ranges.length > 0) parts.push(`${runner} ${ranges.join(',')}`);
  }
  return { text: parts.join(';'), aimed, acknowledged };
}
