/**
 * A small world for the trial of the judge: a controller that decides by the model, over pods, a metrics API, and polls that come and go. The
 * world runs on an agenda of moments; what happens in it is logged as the API would show it, with the delays that are granted to receipt.
 *
 * Longer than other files: the parts of the world share its few variables.
 */
import { decide } from './decide.ts';
import { proposalOf, tolerancesOf } from './replicas.ts';
import { metricsOf, type PodSample, POLL_MS, type Seen, type WorldLog } from './testing-log.ts';
import type { Chance } from './testing-specs.ts';
import { WRONG_KINDS, type WrongKind, wrongSize } from './testing-wrong.ts';
import { type Blind, CONTROLLER, type StatusWrite } from './trace.ts';
import {
  type ControllerParameters,
  type ControllerState,
  type Decision,
  EMPTY_STATE,
  type HpaPod,
  type HpaSpec,
  type MetricSpec,
  type PodMetric,
  type Proposal,
} from './types.ts';

interface Pod extends HpaPod {
  usesShare: number;
}

/** Latest receipt after the fact, ms; below the second that the judge grants. */
const LATE_MS = 900;
const REQUEST_MILLI = 100;
/** Polls go on for this long after the last sync, ms. */
const AFTER_MS = 9_000;

export class World {
  readonly #chance: Chance;
  readonly #parameters: ControllerParameters;
  readonly #syncs: number;
  readonly #wrongFrom: number;
  readonly #wrongKind: WrongKind;
  readonly #resolutionMs: number;
  readonly #hasRevisions: boolean;
  readonly #hasMemory: boolean;
  readonly #cpuMilli: (atMs: number) => number;
  readonly #queueMilli: (atMs: number) => number;
  readonly #log: WorldLog;
  readonly #agenda: { atMs: number; run: (atMs: number) => void }[] = [];
  readonly #pods = new Map<string, Pod>();
  #spec: HpaSpec;
  #replicas: number;
  #store: ReadonlyMap<string, PodSample> = new Map();
  #polled = this.#store;
  #state: ControllerState = EMPTY_STATE;
  #status: StatusWrite | null = null;
  #revision = 100;
  #podNumber = 0;
  #podsToldMs = 0;
  #writtenMs = 0;
  #done = 0;
  #noMetricsMs: readonly [number, number] = [0, 0];

  constructor(chance: Chance, withWrongStep: boolean) {
    this.#chance = chance;
    this.#parameters = chance.anyParameters();
    this.#syncs = chance.from(6, 20);
    this.#wrongFrom = withWrongStep ? chance.from(1, this.#syncs - 1) : Number.POSITIVE_INFINITY;
    this.#wrongKind = chance.one(WRONG_KINDS);
    this.#resolutionMs = chance.one([10_000, 15_000]);
    this.#hasRevisions = chance.is(0.5);
    this.#spec = chance.anySpec();
    const { min, max, metrics } = this.#spec;
    this.#hasMemory = metrics.some(({ name }) => name === 'memory');
    this.#replicas = chance.is(0.9) ? chance.from(min, max) : chance.from(0, max + 2);
    const lengthMs = this.#syncs * (this.#parameters.syncPeriodMs + 1_000);
    this.#cpuMilli = chance.curve(lengthMs, max * REQUEST_MILLI);
    this.#queueMilli = chance.curve(lengthMs, max * 1_000);
    this.#log = {
      parameters: this.#parameters,
      seen: [],
      polls: [],
      writes: [],
      pods: [],
      samples: [],
      scales: [],
      restartsMs: [],
      blind: [],
      wrong: null,
    };
    this.#begin(lengthMs);
  }

  run(): WorldLog {
    let nowMs = 0;
    while (this.#done < this.#syncs || nowMs < this.#writtenMs + AFTER_MS) {
      let next = 0;
      for (let index = 1; index < this.#agenda.length; index += 1)
        if ((this.#agenda[index]?.atMs ?? 0) < (this.#agenda[next]?.atMs ?? 0)) next = index;
      const task = this.#agenda[next];
      const last = this.#agenda.pop();
      if (!task || !last) break;
      if (task !== last) this.#agenda[next] = last;
      nowMs = task.atMs;
      task.run(nowMs);
    }
    return this.#log;
  }

  #begin(lengthMs: number): void {
    const isYoung = this.#chance.is(0.2);
    for (let index = 0; index < this.#replicas; index += 1) this.#startPod(0, isYoung ? 0 : 3_600_000);
    this.#tellScale(0, 'apply');
    this.#takeSamples(0);
    this.#at(this.#chance.from(0, this.#resolutionMs), (atMs) => this.#scrape(atMs));
    this.#at(this.#chance.from(0, POLL_MS), (atMs) => this.#poll(atMs));
    this.#at(this.#chance.from(POLL_MS, 3 * POLL_MS), (atMs) => this.#sync(atMs));
    const rarely = (share: number, run: (atMs: number) => void) => {
      if (this.#chance.is(share)) this.#at(this.#chance.from(0, lengthMs), run);
    };
    rarely(0.06, (atMs) => this.#restart(atMs));
    rarely(0.06, () => this.#edit());
    rarely(0.06, (atMs) => this.#scaleTo(atMs, this.#chance.from(1, this.#spec.max + 1), 'kubectl'));
    rarely(0.06, (atMs) => this.#lookAway(atMs, 'metrics'));
    rarely(0.06, (atMs) => this.#lookAway(atMs, 'hpa'));
    rarely(0.04, (atMs) => this.#lookAway(atMs, 'pods'));
    rarely(0.15, (atMs) => this.#flap(atMs));
    rarely(0.08, (atMs) => {
      this.#noMetricsMs = [atMs, atMs + 60_000];
    });
  }

  #at(atMs: number, run: (atMs: number) => void): void {
    this.#agenda.push({ atMs, run });
  }

  #late(): number {
    return Math.floor(this.#chance.share() * LATE_MS);
  }

  // ---------------------------------------------------------------- pods

  #startPod(atMs: number, ageMs = 0): void {
    const pod: Pod = {
      name: `p${this.#podNumber++}`,
      phase: 'Pending',
      deleted: false,
      containers: CONTAINERS,
      usesShare: 0.8 + this.#chance.share() * 0.4,
    };
    if (ageMs > 0) {
      const thenMs = atMs - ageMs;
      this.#become(atMs, {
        ...pod,
        phase: 'Running',
        startedAtMs: thenMs,
        ready: { status: true, changedAtMs: thenMs + 5_000 },
      });
      return;
    }
    this.#become(atMs, pod);
    const startMs = atMs + this.#chance.from(200, 3_000);
    const { name } = pod;
    this.#at(startMs, (nowMs) =>
      this.#change(nowMs, name, {
        phase: 'Running',
        startedAtMs: toSecond(nowMs),
        ready: { status: false, changedAtMs: toSecond(nowMs) },
      }),
    );
    if (this.#chance.is(0.95))
      this.#at(startMs + this.#chance.from(500, 15_000), (nowMs) =>
        this.#change(nowMs, name, { ready: { status: true, changedAtMs: toSecond(nowMs) } }),
      );
  }

  #flap(atMs: number): void {
    const [name] = this.#pods.keys();
    if (name === undefined) return;
    this.#change(atMs, name, { ready: { status: false, changedAtMs: toSecond(atMs) } });
    this.#at(atMs + this.#chance.from(3_000, 30_000), (nowMs) =>
      this.#change(nowMs, name, { ready: { status: true, changedAtMs: toSecond(nowMs) } }),
    );
  }

  #change(atMs: number, name: string, change: Partial<Pod>): void {
    const pod = this.#pods.get(name);
    if (!pod || pod.deleted || (change.ready && pod.phase === 'Pending' && change.phase === undefined))
      return;
    this.#become(atMs, { ...pod, ...change });
  }

  #become(atMs: number, pod: Pod): void {
    this.#pods.set(pod.name, pod);
    this.#tellPod(atMs, pod.name, pod);
  }

  #tellPod(atMs: number, name: string, pod: Pod | null): void {
    this.#podsToldMs = Math.max(this.#podsToldMs, atMs + this.#late());
    this.#revision += 1;
    const isBlind = this.#log.blind.some(
      ({ what, fromMs, toMs }) => what === 'pods' && atMs >= fromMs && atMs <= toMs,
    );
    this.#log.pods.push({
      receivedMs: isBlind ? Math.max(this.#podsToldMs, this.#blindToMs('pods')) : this.#podsToldMs,
      revision: this.#hasRevisions ? this.#revision : null,
      name,
      pod,
    });
    if (isBlind) this.#podsToldMs = Math.max(this.#podsToldMs, this.#blindToMs('pods'));
  }

  #blindToMs(wanted: Blind['what']): number {
    return this.#log.blind.find(({ what }) => what === wanted)?.toMs ?? 0;
  }

  #scaleTo(atMs: number, replicas: number, owner: string): void {
    const before = this.#replicas;
    this.#replicas = replicas;
    this.#tellScale(atMs, owner);
    this.#at(atMs + this.#chance.from(20, 300), (nowMs) => {
      for (let index = before; index < replicas; index += 1) this.#startPod(nowMs);
      const extra = [...this.#pods.values()].filter(({ deleted }) => !deleted).slice(replicas);
      if (replicas >= before) return;
      for (const { name } of extra) {
        this.#change(nowMs, name, { deleted: true });
        this.#at(nowMs + this.#chance.from(500, 8_000), (goneMs) => {
          this.#pods.delete(name);
          this.#tellPod(goneMs, name, null);
        });
      }
    });
  }

  #tellScale(atMs: number, owner: string): void {
    this.#revision += 1;
    this.#log.scales.push({
      receivedMs: Math.max(atMs + this.#late(), this.#log.scales.at(-1)?.receivedMs ?? 0),
      revision: this.#hasRevisions ? this.#revision : null,
      specReplicas: this.#replicas,
      statusReplicas: this.#replicas,
      readyReplicas: 0,
      owner,
    });
  }

  // ---------------------------------------------------------------- the metrics API and who asks it

  #scrape(atMs: number): void {
    this.#takeSamples(atMs);
    this.#at(atMs + this.#resolutionMs, (nowMs) => this.#scrape(nowMs));
  }

  #takeSamples(atMs: number): void {
    const running = [...this.#pods.values()].filter(({ phase }) => phase === 'Running');
    const each = this.#cpuMilli(atMs) / Math.max(1, running.length);
    const store = new Map<string, PodSample>();
    for (const { name, startedAtMs = atMs, usesShare } of running) {
      if (atMs - startedAtMs < 10_000 && atMs > 0) continue;
      const endMs = toSecond(atMs - this.#chance.from(0, 4_000));
      const windowMs = this.#chance.from(10, 20) * 1_000;
      const metric = (valueMilli: number): PodMetric => ({
        valueMilli: Math.round(valueMilli),
        atMs: endMs,
        windowMs,
      });
      store.set(name, {
        cpu: metric(each < 1 ? 1 : each * usesShare * (0.97 + this.#chance.share() * 0.06)),
        ...(this.#hasMemory && { memory: metric(4e10 * usesShare) }),
      });
    }
    this.#store = store;
  }

  #poll(atMs: number): void {
    const receivedMs = atMs + this.#chance.from(10, 800);
    this.#at(atMs + POLL_MS, (nowMs) => this.#poll(nowMs));
    if (
      this.#log.blind.some(({ what, fromMs, toMs }) => what === 'metrics' && atMs >= fromMs && atMs <= toMs)
    )
      return;
    this.#log.polls.push({ receivedMs, store: this.#store });
    if (this.#polled === this.#store) return;
    for (const [pod, sample] of this.#store)
      if (this.#polled.get(pod) !== sample) this.#log.samples.push({ receivedMs, pod, metrics: sample });
    for (const pod of this.#polled.keys())
      if (!this.#store.has(pod)) this.#log.samples.push({ receivedMs, pod, metrics: null });
    this.#polled = this.#store;
  }

  // ---------------------------------------------------------------- mishaps

  #restart(atMs: number): void {
    this.#state = EMPTY_STATE;
    this.#log.restartsMs.push(atMs + this.#late());
  }

  #edit(): void {
    const next = this.#chance.anySpec();
    this.#spec = this.#chance.is(0.5)
      ? { ...this.#spec, behavior: next.behavior }
      : { ...this.#spec, min: next.min, max: next.max };
  }

  #lookAway(atMs: number, what: 'metrics' | 'hpa' | 'pods'): void {
    this.#log.blind.push({ what, fromMs: atMs, toMs: atMs + this.#chance.from(3_000, 40_000), why: 'told' });
  }

  // ---------------------------------------------------------------- the controller

  #sync(atMs: number): void {
    this.#done += 1;
    const slowMs = this.#chance.is(0.05) ? this.#chance.from(1_000, 8_000) : this.#chance.from(5, 400);
    if (this.#done < this.#syncs)
      this.#at(atMs + this.#parameters.syncPeriodMs + slowMs, (nowMs) => this.#sync(nowMs));
    const spec = this.#spec;
    const pods = [...this.#pods.values()];
    const statusReplicas = this.#replicas;
    const proposals = spec.metrics.map((metric) => this.#propose(metric, atMs, pods));
    const input = { nowMs: atMs, current: this.#replicas, spec, proposals, parameters: this.#parameters };
    const decision = decide(this.#state, input);
    const computed = decision.conditions.ScalingActive?.reason === 'ValidMetricFound';
    const seen: Seen = {
      nowMs: atMs,
      spec,
      current: this.#replicas,
      raw: computed ? Math.max(...proposals.map((proposal) => (proposal.ok ? proposal.replicas : 0))) : null,
      pods,
      statusReplicas,
      proposals,
      write: null,
      state: this.#state,
      desired: decision.desired ?? this.#status?.desired ?? 0,
    };
    const isWrong = this.#err(seen, decision.desired);
    this.#carryOut(seen, decision, isWrong);
    this.#log.seen.push(seen);
  }

  /** Makes the one wrong step, at the first sync from its time on at which its kind makes a difference. */
  #err(seen: Seen, right: number | null): boolean {
    if (this.#done <= this.#wrongFrom || this.#log.wrong || seen.raw === null || right === null) return false;
    const input = { seen, store: this.#store, parameters: this.#parameters, chance: this.#chance };
    const desired = wrongSize(this.#wrongKind, right, input);
    if (desired === right || desired <= 0) return false;
    seen.desired = desired;
    this.#log.wrong = { kind: this.#wrongKind, seen };
    return true;
  }

  #carryOut(seen: Seen, decision: Decision, isWrong: boolean): void {
    const { nowMs, current, desired } = seen;
    this.#state = decision.next;
    if (isWrong && seen.spec.behavior) {
      const { scaleUps, scaleDowns } = seen.state;
      const event = { change: Math.abs(desired - current), atMs: nowMs };
      this.#state = {
        recommendations: decision.next.recommendations,
        scaleUps: desired > current ? [...scaleUps, event] : scaleUps,
        scaleDowns: desired < current ? [...scaleDowns, event] : scaleDowns,
      };
    }
    const rescale = isWrong ? desired !== current : decision.rescale;
    const conditions = { ...this.#status?.conditions, ...decision.conditions };
    if (isWrong && rescale) conditions.AbleToScale = { status: true, reason: 'SucceededRescale' };
    if (rescale) this.#scaleTo(nowMs + 5, desired, CONTROLLER);
    this.#revision += 1;
    const jumped =
      decision.desired !== null && decision.conditions.ScalingActive?.reason !== 'ValidMetricFound';
    const status: StatusWrite = {
      receivedMs: 0,
      revision: this.#hasRevisions ? this.#revision : null,
      spec: seen.spec,
      current,
      desired,
      scaledAtMs: rescale ? toSecond(nowMs) : (this.#status?.scaledAtMs ?? null),
      metrics: jumped
        ? []
        : seen.proposals.map((proposal, index) => shownOf(proposal, seen.spec.metrics[index])),
      conditions,
    };
    if (this.#status && isSame(this.#status, status)) return;
    this.#status = status;
    const receivedMs = Math.max(nowMs + 10 + this.#chance.from(0, LATE_MS), this.#writtenMs);
    this.#writtenMs = receivedMs;
    seen.write = { ...status, receivedMs };
    this.#log.writes.push(seen.write);
  }

  #propose(metric: MetricSpec, nowMs: number, pods: readonly HpaPod[]): Proposal {
    const tolerances = tolerancesOf(this.#spec, this.#parameters);
    const base = {
      specReplicas: this.#replicas,
      statusReplicas: this.#replicas,
      pods,
      tolerances,
      nowMs,
      parameters: this.#parameters,
    };
    if (nowMs > this.#noMetricsMs[0] && nowMs < this.#noMetricsMs[1]) return proposalOf(metric, base);
    if (metric.source === 'External' || metric.source === 'Object')
      return proposalOf(metric, { ...base, valueMilli: Math.round(this.#queueMilli(nowMs) / 10) * 10 + 7 });
    const podMetrics = metricsOf(this.#store, metric);
    return proposalOf(metric, { ...base, podMetrics });
  }
}

const CONTAINERS = [{ name: 'web', requestsMilli: { cpu: REQUEST_MILLI, memory: 5e10 } }];
function shownOf(proposal: Proposal, metric: MetricSpec | undefined): StatusWrite['metrics'][number] {
  if (!proposal.ok || !metric) return null;
  return {
    utilization: metric.target.type === 'utilization' ? proposal.usage : null,
    usageMilli: proposal.usageMilli,
  };
}

/** Whether a status says the same, so that it is not written. */
function isSame(a: StatusWrite, b: StatusWrite): boolean {
  if (a.current !== b.current || a.desired !== b.desired || a.scaledAtMs !== b.scaledAtMs) return false;
  if (a.metrics.length !== b.metrics.length) return false;
  for (const [index, shown] of a.metrics.entries()) {
    const other = b.metrics[index];
    if (shown?.usageMilli !== other?.usageMilli || shown?.utilization !== other?.utilization) return false;
  }
  return CONDITIONS.every((type) => {
    const one = a.conditions[type];
    const other = b.conditions[type];
    return one?.status === other?.status && one?.reason === other?.reason;
  });
}

const CONDITIONS = ['AbleToScale', 'ScalingActive', 'ScalingLimited'] as const;

function toSecond(ms: number): number {
  return Math.floor(ms / 1_000) * 1_000;
}
