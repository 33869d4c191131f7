/**
 * Starts a Prometheus with the system's rules, looks at it once a second as long as the run goes on, and tells at the end what each alert
 * did and in which stretches nothing can be said. Whatever becomes of Prometheus is an event, never the end of the run.
 */
import { CannotRun, type PrometheusRequest, type StartedPrometheus } from '../../platforms/platform.ts';
import { formatDuration } from '../../record/duration.ts';
import type { Event } from '../../record/model.ts';
import { reasonOf } from '../../record/reason.ts';
import type { RunWriter } from '../../record/writer.ts';
import { findEngine } from '../engines.ts';
import { pause } from '../pause.ts';
import { type PrometheusApi, prometheusApi } from '../prometheus-api.ts';
import { groupKey } from './account.ts';
import { type WallClock, wallClock } from './clock.ts';
import { type Blind, leftOut, type Look, look } from './looks.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { type PodLives, podLives } from './scrapes.ts';
import { type Seen, tell } from './tell.ts';
import type { WatchPlan } from './watch-plan.ts';

const LOOK_PERIOD_MS = 1_000;
const ASK_TIMEOUT_MS = 10_000;
/** Service discovery hands targets on every 5 s; then each is scraped within an interval. */
const FIRST_SCRAPES_WITHIN_MS = 20_000;
/** A notification is on its way for some ten milliseconds. */
const NOTIFIED_WITHIN_MS = 200;
/** A watch that would have to last longer after the load does not. */
const SETTLE_LIMIT_MS = 15 * 60_000;
/** What Prometheus says of rules that it does not take (cmd/prometheus/main.go, rules/manager.go). */
const REFUSED = /rule file patterns|parse rules|loading groups failed/;

export interface WatchOptions {
  plan: WatchPlan;
  start: (request: PrometheusRequest) => Promise<StartedPrometheus>;
  writer: Pick<RunWriter, 'emit' | 'evidence' | 'observe'>;
  nowMs: () => number;
  signal: AbortSignal;
}

export interface Watch {
  /** Waits until every alert had its time to fire and to resolve after the last fault; at most 15 min, and not in a run that is to end. */
  settle(): Promise<void>;
  /** Tells what was seen, and stops Prometheus. Idempotent, never rejects. */
  end(): Promise<void>;
}

/** Resolves when there is something to see, or it is clear that there will not be. Throws UsageError where this machine cannot have a Prometheus. */
export async function watchAlerts(options: WatchOptions): Promise<Watch> {
  const { plan, writer, start, signal } = options;
  const receiver = await startReceiver();
  let prometheus: StartedPrometheus;
  try {
    const { config, rules, scrapeIntervalMs, flags } = plan;
    const binary = async () => {
      const onProgress = (text: string) => writer.emit({ kind: 'note', text });
      return (await findEngine('prometheus', { signal, onProgress })).path;
    };
    prometheus = await start({ config, rules, scrapeIntervalMs, flags, binary, receiverUrl: receiver.url });
  } catch (error) {
    await receiver.close();
    if (!(error instanceof CannotRun)) throw error;
    writer.emit({ kind: 'prometheus.ended', why: error.message, rulesRefused: REFUSED.test(error.message) });
    return { settle: () => Promise.resolve(), end: () => Promise.resolve() };
  }
  return watchStarted(options, receiver, prometheus);
}

async function watchStarted(
  { plan, writer, nowMs, signal }: WatchOptions,
  receiver: Receiver,
  prometheus: StartedPrometheus,
): Promise<Watch> {
  const startedMs = nowMs();
  const clock = wallClock(nowMs);
  const api = prometheusApi(prometheus.url, { timeoutMs: ASK_TIMEOUT_MS });
  const lives = podLives();
  const seen: Seen = {
    last: null,
    blind: [],
    longestEvaluationMs: new Map(),
    scrapedMs: null,
    faultMs: startedMs,
  };
  writer.emit({
    kind: 'prometheus.started',
    version: prometheus.version,
    scrapeIntervalMs: plan.scrapeIntervalMs,
    evaluationIntervalMs: plan.evaluationIntervalMs,
    firingsFrom: prometheus.notifies ? 'notifications' : 'samples',
  });
  saveRules(plan, writer);
  writer.observe((event) => note(event, seen, lives));

  const lookOnce = async () => {
    clock.anchor();
    try {
      take(seen, await look(api, nowMs()), clock);
      if (seen.scrapedMs === null && (await allScraped(api))) seen.scrapedMs = nowMs();
    } catch {
      // Counters say afterwards what was left out meanwhile; a Prometheus that never answers again was watched until its last look.
    }
  };
  const ended = new AbortController();
  const looking = (async () => {
    while (!ended.signal.aborted) {
      const nextMs = nowMs() + LOOK_PERIOD_MS;
      await lookOnce();
      await pause(nextMs - nowMs(), ended.signal);
    }
  })();
  const waitUntilMs = nowMs() + FIRST_SCRAPES_WITHIN_MS + plan.scrapeIntervalMs;
  while (seen.scrapedMs === null && nowMs() < waitUntilMs && !signal.aborted && prometheus.ended() === null)
    await pause(100, signal);

  let ending: Promise<void> | undefined;
  const end = async () => {
    ended.abort();
    await looking;
    let why = prometheus.ended();
    try {
      if (why === null) await lookOnce();
      await pause(NOTIFIED_WITHIN_MS, new AbortController().signal);
      why = prometheus.ended();
      await tell({
        plan,
        writer,
        clock,
        seen,
        lives,
        receiver,
        api: why === null ? api : null,
        notifies: prometheus.notifies,
        startedMs,
      });
    } catch (error) {
      why ??= `what it saw could not be read: ${reasonOf(error)}`;
    }
    writer.emit({ kind: 'prometheus.ended', why: why ?? '', rulesRefused: false });
    await prometheus.stop();
    await receiver.close();
  };
  return {
    async settle() {
      const untilMs = Math.max(
        seen.faultMs + plan.needsMs,
        (seen.scrapedMs ?? startedMs) + plan.needsMs,
        // The end of the load is to be seen, too.
        nowMs() + plan.longestEvaluationIntervalMs + LOOK_PERIOD_MS,
      );
      const leftMs = Math.min(SETTLE_LIMIT_MS, untilMs - nowMs());
      if (signal.aborted || prometheus.ended() !== null) return;
      writer.emit({
        kind: 'note',
        text: `the alerts are watched for ${formatDuration(leftMs)} after the load, so that those of the last fault can fire and resolve`,
      });
      await pause(leftMs, signal);
    },
    end: () => (ending ??= end()),
  };
}

function saveRules(plan: WatchPlan, writer: WatchOptions['writer']): void {
  for (const [name, text] of Object.entries(plan.rules))
    writer.evidence('rules', name, 'the rules as Prometheus was given them', text);
  if (plan.diff !== '')
    writer.evidence('rules-diff', 'rules.diff', 'what --compress changed in the rules', plan.diff);
}

function note(event: Event, seen: Seen, lives: PodLives): void {
  if (event.kind === 'pod') lives.told(event.pod, event.state, event.at);
  if (event.kind === 'fault.healed' || event.kind === 'fault.failed' || event.kind === 'fault.proof')
    seen.faultMs = event.at;
}

function take(seen: Seen, now: Look, clock: WallClock): void {
  if (seen.last !== null)
    for (const found of leftOut(seen.last, now, (wallMs) => clock.toRunMs(wallMs)))
      addBlind(seen.blind, found);
  for (const group of now.groups) {
    const key = groupKey(group);
    const evaluationMs = group.evaluationTime * 1_000;
    seen.longestEvaluationMs.set(key, Math.max(evaluationMs, seen.longestEvaluationMs.get(key) ?? 0));
  }
  seen.last = now;
}

/** One that goes on makes the one before longer. */
function addBlind(blind: Blind[], next: Blind): void {
  const last = blind.findLast(({ alert, what }) => alert === next.alert && what === next.what);
  if (last?.detail === next.detail && next.fromMs <= last.toMs + 1) last.toMs = next.toMs;
  else blind.push(next);
}

async function allScraped(api: PrometheusApi): Promise<boolean> {
  const targets = await api.targets();
  return targets.length > 0 && targets.every(({ health }) => health !== 'unknown');
}
