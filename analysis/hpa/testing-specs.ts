/** Chance for the random traces of the judge's trial: specs, parameters and demand, the same for the same seed. */
import {
  type Behavior,
  CONTROLLER_DEFAULTS,
  type ControllerParameters,
  type HpaSpec,
  type MetricSpec,
  type ScalingRules,
} from './types.ts';

type Random = () => number;

/** mulberry32 (public domain, Tommy Ettinger): 0..1, the same numbers for the same seed everywhere. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Chance {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  /** 0..1 */
  share(): number {
    return this.#random();
  }

  is(share: number): boolean {
    return this.#random() < share;
  }

  /** Whole, both ends included. */
  from(low: number, high: number): number {
    return low + Math.floor(this.#random() * (high - low + 1));
  }

  one<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.from(0, choices.length - 1)] ?? choices[0];
  }

  anyParameters(): ControllerParameters {
    return {
      ...CONTROLLER_DEFAULTS,
      version: [1, this.from(33, 37)],
      syncPeriodMs: this.one([5_000, 10_000, 15_000]),
      tolerance: this.is(0.6) ? 0.1 : this.one([0, 0.05, 0.2, 0.3]),
      downscaleStabilizationMs: this.one([5_000, 15_000, 30_000, 60_000, 300_000]),
      cpuInitializationMs: this.one([30_000, 60_000, 300_000]),
    };
  }

  anySpec(): HpaSpec {
    const min = this.from(1, 3);
    return {
      min,
      max: min + this.from(2, 8),
      metrics: this.#anyMetrics(),
      behavior: this.share() < 0.35 ? null : this.#anyBehavior(),
    };
  }

  #anyMetrics(): MetricSpec[] {
    const cpu: MetricSpec = {
      source: 'Resource',
      name: 'cpu',
      target:
        this.share() < 0.85
          ? { type: 'utilization', value: this.one([50, 70, 80, 120]) }
          : { type: 'averageValue', value: 70 },
    };
    const second = this.share();
    if (second < 0.6) return [cpu];
    if (second < 0.75)
      return [cpu, { source: 'Resource', name: 'memory', target: { type: 'utilization', value: 80 } }];
    if (second < 0.85)
      return [cpu, { source: 'External', name: 'queue', target: { type: 'averageValue', value: 1_000 } }];
    if (second < 0.92)
      return [{ source: 'External', name: 'queue', target: { type: 'value', value: 5_000 } }, cpu];
    if (second < 0.97)
      return [
        {
          source: 'Object',
          name: 'queue',
          describedKind: 'Service',
          target: { type: 'averageValue', value: 1_000 },
        },
      ];
    return [{ source: 'Pods', name: 'busy', target: { type: 'averageValue', value: 70 } }];
  }

  #anyBehavior(): Behavior {
    const tolerance = () => (this.share() < 0.1 ? this.one([0, 0.05, 0.3]) : null);
    const rules = (stabilizationMs: number | null): ScalingRules => ({
      stabilizationMs,
      selectPolicy: this.share() < 0.05 ? 'Disabled' : this.one(['Max', 'Max', 'Min']),
      policies: Array.from({ length: this.from(1, 2) }, () =>
        this.share() < 0.5
          ? {
              type: 'Pods' as const,
              value: this.from(1, 4),
              periodMs: this.one([10_000, 15_000, 30_000, 60_000]),
            }
          : {
              type: 'Percent' as const,
              value: this.one([10, 50, 100, 200]),
              periodMs: this.one([15_000, 30_000, 60_000]),
            },
      ),
      tolerance: tolerance(),
    });
    return {
      scaleUp: rules(this.one([0, 0, 0, 30_000])),
      scaleDown: rules(this.one([null, 0, 15_000, 30_000, 60_000])),
    };
  }

  /** Steps up and down, with some noise on top. */
  curve(lengthMs: number, most: number): (atMs: number) => number {
    const steps = Array.from({ length: this.from(1, 4) }, () => ({
      fromMs: this.share() * lengthMs,
      level: this.share() < 0.3 ? 0 : this.share() * most,
    })).sort((a, b) => a.fromMs - b.fromMs);
    const first = this.share() * most * 0.5;
    return (atMs) => {
      let level = first;
      for (const step of steps) if (step.fromMs <= atMs) ({ level } = step);
      return level;
    };
  }
}
