/** What a Prometheus says of itself, once a second: its rules, what it left out, and whether it is still the same one. */
import type { EventOf } from '../../record/model.ts';
import type { PrometheusApi } from '../prometheus-api.ts';

export type LoadedGroup = Awaited<ReturnType<PrometheusApi['rules']>>[number];

/** A rule group, and what it failed to do since Prometheus started. */
export interface GroupLook extends LoadedGroup {
  /** Evaluations that were left out, and rules whose evaluation failed. */
  missed: number;
  failures: number;
  /** Wall clock; null: it was never evaluated. */
  evaluatedMs: number | null;
}

export interface Look {
  /** On the run's clock, before it was asked. */
  atMs: number;
  /** When Prometheus started, as it says. */
  startTime: string;
  groups: GroupLook[];
}

export type Blind = Omit<EventOf<'alert.blind'>, 'at' | 'kind'>;

/** Rejects when there is no whole answer in time. */
export async function look(api: PrometheusApi, atMs: number): Promise<Look> {
  const [groups, { startTime }, metrics] = await Promise.all([
    api.rules(),
    api.runtime(),
    api.ownMetrics('prometheus_rule_'),
  ]);
  return {
    atMs,
    startTime,
    groups: groups.map((group) => {
      const label = `${group.file};${group.name}`.replaceAll(/[\\"\n]/g, (c) =>
        c === '\n' ? '\\n' : `\\${c}`,
      );
      const of = (metric: string) => metrics.get(`${metric}{rule_group="${label}"}`) ?? 0;
      const evaluatedMs = Date.parse(group.lastEvaluation);
      return {
        ...group,
        missed: of('prometheus_rule_group_iterations_missed_total'),
        failures: of('prometheus_rule_evaluation_failures_total'),
        // Go's zero time stands for never.
        evaluatedMs: evaluatedMs > 0 ? evaluatedMs : null,
      };
    }),
  };
}

/** What was left out between two looks; times of evaluations are put on the run's clock by `toRunMs`. */
export function leftOut(before: Look, now: Look, toRunMs: (wallMs: number) => number): Blind[] {
  if (before.startTime !== now.startTime)
    return [
      {
        what: 'Prometheus restarted',
        fromMs: before.atMs,
        toMs: now.atMs,
        detail: `it started at ${now.startTime}, and had started at ${before.startTime} before`,
      },
    ];
  return now.groups.flatMap((group) => {
    const earlier = before.groups.find(({ file, name }) => file === group.file && name === group.name);
    if (earlier === undefined) return [];
    const span = {
      what: 'missed evaluations' as const,
      fromMs: earlier.evaluatedMs === null ? before.atMs : toRunMs(earlier.evaluatedMs),
      toMs: group.evaluatedMs === null ? now.atMs : toRunMs(group.evaluatedMs),
    };
    const alerts = group.rules.filter(({ type }) => type === 'alerting');
    const missed = group.missed - earlier.missed;
    const broken = group.rules.filter(({ health }) => health === 'err');
    const suspects = broken.length > 0 ? alerts.filter((alert) => broken.includes(alert)) : alerts;
    const failed = group.failures > earlier.failures ? suspects : [];
    return [
      ...(missed > 0 ? alerts : []).map(({ name }) => ({
        ...span,
        alert: name,
        detail: `group ${group.name} left out ${missed}`,
      })),
      ...failed.map(({ name, lastError }) => ({
        ...span,
        alert: name,
        detail: lastError === '' ? 'a rule of its group could not be evaluated' : lastError,
      })),
    ];
  });
}
