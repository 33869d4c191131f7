/** The load ahead of the judged one: played to its end, with a ledger of its own, and then what it left for the judged load to aim at. */
import { scanLedger } from '../analysis/ledger-scan.ts';
import type { Load } from '../record/model.ts';
import { type LedgerFile, openRun } from '../record/reader.ts';
import type { LoadRunner } from './load-runner.ts';
import { untilAborted } from './pause.ts';
import type { Session } from './session.ts';

const RUNNER = 'before';
/** What the machine could not carry at first is started in further rounds, each a runner of its own, at most so many in all. */
const MAX_ROUNDS = 6;
/** k6 plays nothing shorter. */
const LEAST_S = 1;
/** The next round goes a little below what was acknowledged a second: at the ceiling itself every queue is full. */
const STEP_BACK = 0.85;
/** Longest text of an environment variable that is given on: Linux allows 128 KiB for one. */
const MAX_AIM_CHARS = 100_000;

/** Resolves with what the judged load's script is told of it (`AIM`); the run is aborted when there is not enough to aim at. */
export async function playBefore(session: Session, loads: LoadRunner, load: Load): Promise<string> {
  const { writer, nowMs, signal, enter, abort, dir, plan } = session;
  enter('before');
  const of = writesOf(load);
  const beganMs = nowMs();
  let started = 0;
  let { ratePerS } = load;
  for (let round = 1; round <= MAX_ROUNDS && started < of && !signal.aborted; round += 1) {
    ratePerS = Math.min(ratePerS, (of - started) / LEAST_S);
    const forMs = Math.ceil(((of - started) / ratePerS) * 1_000);
    const acked = await playRound(session, loads, { round, ratePerS, forMs, started, of });
    if (acked === null) break;
    started += acked;
    ratePerS = Math.max(1, Math.min(ratePerS, (acked / forMs) * 1_000 * (started < of ? STEP_BACK : 1)));
  }
  const tookS = (nowMs() - beganMs) / 1_000;
  const { text, aimed, acknowledged } = aimAt(openRun(dir).logs);
  writer.emit({
    kind: 'note',
    text: `the load before: ${acknowledged} of ${of} writes acknowledged in ${tookS.toFixed(1)} s (${Math.round(acknowledged / tookS)}/s); ${aimed} can be aimed at`,
  });
  const needed = writesOf(plan.scenario.load);
  if (aimed < needed)
    abort(
      'inconclusive',
      `the judged load needs ${needed} writes of the load before, and ${aimed} are there`,
    );
  return text;
}

/** One k6 to the end of its schedule. Returns its acknowledged writes; null, with the run aborted, when it failed. */
async function playRound(
  { observers, signal, abort }: Session,
  loads: LoadRunner,
  round: { round: number; ratePerS: number; forMs: number; started: number; of: number },
): Promise<number | null> {
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
    },
  });
  await Promise.race([running.ended, untilAborted(signal)]);
  await running.stop();
  const { exitCode, why } = await running.ended;
  if (exitCode === 0 || signal.aborted) return acked;
  abort('invalid', `the load before the judged one failed: ${why}`);
  return null;
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
    if (runner !== RUNNER && !runner.startsWith(`${RUNNER}-`)) continue;
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
