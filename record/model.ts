/**
 * The nouns of Proofload as types and schemas: what a scenario says, what a run records, what a verdict is.
 * This folder is the seam (docs/design.md): it imports nothing of the project, and everything else imports it.
 * One file, longer than others: whoever writes a scenario or reads a record finds every noun here.
 *
 * Time: every `...Ms` that is a point in time is milliseconds on the run's one monotonic clock, 0 = the start of
 * the run. Wall-clock times appear only as anchors and are named `wallMs` (milliseconds since the Unix epoch).
 */
import { z } from 'zod';

export const SCHEMA_VERSION = 1;

// ---------------------------------------------------------------- scenario: one question as data

const name = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'expected lower-case letters, digits and dashes');

/** One promise the scenario asks about: a file of `checks/`, with that check's own options beside it. */
export const Expectation = z.looseObject({
  check: name,
  /** Name of a disturbance of this scenario: judge only its window. */
  during: name.optional(),
  /** An optional promise that is `not_run` is a line in the report; a required one makes the run inconclusive. */
  optional: z.boolean().optional(),
});

export const Disturbance = z.strictObject({
  name,
  /** A file of `chaos/` without its ending, or a verb that needs no Chaos Mesh object. */
  fault: z.union([
    z.strictObject({ chaos: name }),
    z.literal('rollout-restart'),
    /** One node that runs pods of the workload is cordoned and emptied by the eviction API, then uncordoned. Needs a cluster. */
    z.literal('drain'),
    /** To this many replicas, for `forMs`, and back. */
    z.strictObject({ scaleTo: z.number().int().nonnegative() }),
    /**
     * More load, beside the judged one, in three steps: writes a second, or as much as makes the largest size that the HPA may choose its only
     * legal end (or, where none is alone, its smallest set of them), computed in the run from the live objects and the measured CPU time of a write.
     */
    z.strictObject({ surge: z.union([z.literal('to-max'), z.number().positive()]) }),
  ]),
  /**
   * Length of a fault that lasts (partition, delay). `below-liveness` = as long as the live manifest allows
   * without a liveness restart: less than failureThreshold x periodSeconds.
   */
  forMs: z.union([z.number().int().positive(), z.literal('below-liveness')]).optional(),
});

export const Load = z.strictObject({
  /** A script of `scenarios/k6/` without its ending. */
  script: name,
  /** Writes a second, open model (arrivals do not wait for answers). */
  ratePerS: z.number().positive(),
  pointsPerWrite: z.number().int().positive(),
  /**
   * A client opens another connection after this many writes; absent: it keeps its first one. A Service chooses a pod per connection, so pods
   * that come later are given something to do by new connections alone.
   */
  writesPerConnection: z.number().int().positive().optional(),
  /** Length of the load, milliseconds; `--for` replaces it. */
  forMs: z.number().int().positive(),
  /** Not judged: connections and code paths warm up. */
  warmupMs: z.number().int().nonnegative(),
  /** The p99.9 that the system has when it is well, where that is more than the 200 ms that are assumed: how much may be in flight follows. */
  p999Ms: z.number().int().positive().optional(),
});

const ScenarioFields = z.strictObject({
  name,
  question: z.string().min(1),
  /** A folder of `systems/`. */
  system: name,
  /** A file of `systems/<system>/overlays/` without its ending: changes to the guide's manifests, printed in the report. */
  overlay: name.optional(),
  /**
   * Played to its end ahead of `load`, with a ledger of its own (runner `before`): what the judged load needs to be there. Its latency is not
   * judged, its writes are owed like all others. `--journeys` sets how many.
   */
  before: Load.optional(),
  load: Load,
  /** For a platform that plays the HPA itself, as processes: a cluster has a controller of its own. Absent: nothing is scaled there. */
  autoscale: z
    .strictObject({
      syncPeriodMs: z.number().positive(),
      metricsPeriodMs: z.number().positive(),
      downscaleStabilizationMs: z.number().nonnegative(),
    })
    .optional(),
  /** Find what the machine can carry first, and go on at that rate if it is lower than asked. */
  calibrate: z.boolean(),
  disturb: z.array(Disturbance),
  /** A one-second bin is good when this share of its writes is acknowledged, and not more than 1 % of them slower than the limit. */
  good: z.strictObject({
    served: z.number().gt(0).max(1),
    latencyMs: z.number().positive(),
    bins: z.number().int().positive(),
  }),
  /** A Prometheus with the system's own rules (`systems/<system>/rules.yaml`) watches the run. Absent: none is started. */
  prometheus: z
    .strictObject({
      scrapeIntervalMs: z.number().int().positive(),
      /** For groups that name no interval of their own. */
      evaluationIntervalMs: z.number().int().positive(),
      /** PromQL, asked over the whole run when its load has ended; an expectation names one. */
      queries: z.record(name, z.string().min(1)).optional(),
    })
    .optional(),
  expect: z.array(Expectation).min(1),
});
export const Scenario = ScenarioFields.superRefine(({ prometheus, expect }, context) => {
  const known = Object.keys(prometheus?.queries ?? {});
  for (const [index, { query }] of expect.entries())
    if (typeof query === 'string' && !known.includes(query))
      context.addIssue({
        code: 'custom',
        path: ['expect', index, 'query'],
        message: `"${query}" is no query of this scenario's prometheus (${known.join(', ') || 'it has none'})`,
      });
});
export type Scenario = z.infer<typeof Scenario>;
export type Load = z.infer<typeof Load>;
export type Disturbance = z.infer<typeof Disturbance>;
export type Expectation = z.infer<typeof Expectation>;

// ---------------------------------------------------------------- plan: the scenario after defaults, in the run directory

/** One disturbance with its place in time, fixed by the seed before anything starts. */
export const PlannedFault = z.strictObject({
  name,
  fault: Disturbance.shape.fault,
  /** Milliseconds after the start of the judged load. */
  atMs: z.number().nonnegative(),
  /** For a fault that lasts. */
  forMs: z.number().positive().optional(),
  /** Why it cannot be played on this platform, known before the start: it is left out. */
  notRun: z.string().optional(),
  /** Time set aside for the fault and the recovery after it, computed from the manifests. */
  slotMs: z.number().positive(),
});
export type PlannedFault = z.infer<typeof PlannedFault>;

export const Plan = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  runId: z.string(),
  scenario: Scenario,
  platform: z.enum(['local', 'kubernetes']),
  seed: z.number().int(),
  defect: z.string().optional(),
  /** The load comes from this many k6 inside the cluster, in an Indexed Job or a TestRun of the k6-operator; absent: from one beside the harness. */
  runners: z
    .strictObject({ count: z.number().int().positive().max(64), kind: z.enum(['job', 'testrun']) })
    .optional(),
  faults: z.array(PlannedFault),
  /** The first of the runs whose load before this one goes on with: all writes carry its id as their mark. Absent: this run's own. */
  resumes: z.string().optional(),
  /** `--compress`: every duration of the rules, the scrape and the evaluation interval were divided by this. */
  compress: z.number().gt(1).optional(),
  /** Settings of the live manifests that bounds are computed from. */
  workload: z.strictObject({
    name: z.string(),
    replicas: z.number().int().positive(),
    graceMs: z.number(),
    preStopMs: z.number(),
    readiness: z
      .strictObject({
        delayMs: z.number(),
        periodMs: z.number(),
        timeoutMs: z.number(),
        failures: z.number(),
      })
      .optional(),
    liveness: z
      .strictObject({
        delayMs: z.number(),
        periodMs: z.number(),
        timeoutMs: z.number(),
        failures: z.number(),
      })
      .optional(),
    startup: z
      .strictObject({
        delayMs: z.number(),
        periodMs: z.number(),
        timeoutMs: z.number(),
        failures: z.number(),
      })
      .optional(),
    maxSurge: z.number().int().nonnegative(),
    maxUnavailable: z.number().int().nonnegative(),
  }),
  versions: z.record(z.string(), z.string()),
  machine: z.strictObject({ cpus: z.number(), memoryMb: z.number(), cpuModel: z.string() }),
});
export type Plan = z.infer<typeof Plan>;

/** The id in the marks of the writes, by which a system's store tells those of one run from all others. */
export function markOf({ runId, resumes }: Pick<Plan, 'runId' | 'resumes'>): string {
  return resumes ?? runId;
}

export type Workload = Plan['workload'];
export type Probe = NonNullable<Workload['readiness']>;

// ---------------------------------------------------------------- history: one event a line

const at = z.number();
/** A stretch of the run's clock: [from, to]. */
const span = z.tuple([z.number(), z.number()]);
const pod = z.string();
const event = <K extends string, S extends z.ZodRawShape>(kind: K, shape: S) =>
  z.object({ at, kind: z.literal(kind), ...shape });

/** How a note begins that says what could not be taken back at the end of a run. */
export const LEFT_BEHIND = 'left on the cluster: ';

export const Event = z.discriminatedUnion('kind', [
  /** First line of every history: anchors the monotonic clock to the wall clock. */
  event('run.started', { runId: z.string(), wallMs: z.number() }),
  /** `interruptedAtMs`: when the first Ctrl-C came. */
  event('run.ended', { interrupted: z.boolean(), interruptedAtMs: z.number().optional() }),
  /** The harness itself failed; the run is judged from what was recorded until then. */
  event('run.crashed', { phase: z.string(), message: z.string() }),
  /** The harness ended the run early, on purpose: `invalid` when the instrument cannot measure, `inconclusive` when there is nothing to judge. */
  event('run.aborted', { phase: z.string(), why: z.string(), verdict: z.enum(['invalid', 'inconclusive']) }),
  /** Wall clock against monotonic clock, so that a clock step is seen. */
  event('clock', { wallMs: z.number() }),
  event('phase', {
    phase: z.enum(['deploy', 'calibrate', 'before', 'baseline', 'disturb', 'recover', 'read-back', 'undo']),
  }),
  /** A part of a manifest or of a chaos object that this platform cannot play. */
  event('unplayed', {
    file: z.string(),
    line: z.number(),
    object: z.string(),
    field: z.string(),
    why: z.string(),
  }),
  /** A stretch in which something was not observed: the opposite of "nothing happened". */
  event('gap', { what: z.string(), fromMs: z.number(), toMs: z.number(), why: z.string() }),
  /** Something a reader should know that no check decides. */
  event('note', { text: z.string() }),

  /** Once a second. Shares of the whole machine 0..1; `cores` = CPU seconds per second by group of processes. */
  event('host', {
    busy: z.number(),
    foreign: z.number(),
    steal: z.number(),
    cores: z.record(z.string(), z.number()),
    rssMb: z.record(z.string(), z.number()),
    diskFreeMb: z.number(),
  }),

  /** What a calibration trial carried: `carried` is false when it dropped, failed or lagged. */
  event('calibration', {
    ratePerS: z.number(),
    carried: z.boolean(),
    why: z.string(),
    ackedPerS: z.number(),
  }),
  /** The rate the judged load runs at, and the one that was asked for. */
  event('rate', {
    askedPerS: z.number(),
    ratePerS: z.number(),
    /** Share of the machine that the hypervisor took right before the calibration, 0..1; absent where it was little. */
    steal: z.number().optional(),
  }),

  /** `wallMs` anchors the runner's ledger: its `due` counts milliseconds from here. */
  event('load.started', {
    runner: z.string(),
    wallMs: z.number(),
    ratePerS: z.number(),
    pointsPerWrite: z.number(),
    vus: z.number(),
    warmupMs: z.number(),
    forMs: z.number(),
    /** Only the judged load counts for availability and latency; every runner counts for durability. */
    judged: z.boolean(),
  }),
  event('load.ended', {
    runner: z.string(),
    exitCode: z.number().nullable(),
    signal: z.string().nullable(),
    /** From k6's own summary; null when it left none. */
    iterations: z.number().nullable(),
    dropped: z.number().nullable(),
    why: z.string(),
    /** For a runner on a clock of its own: how far the anchor of its ledger may be off, by all that was seen of it. */
    anchorBoundMs: z.number().nonnegative().optional(),
  }),

  /** A replica's life, in the words of Kubernetes. `uid` tells two pods of one name apart. */
  event('pod', {
    pod,
    uid: z.string(),
    state: z.enum([
      'created',
      'started',
      'ready',
      'unready',
      'terminating',
      'sigterm',
      'sigkill',
      'exited',
      'deleted',
    ]),
    pid: z.number().optional(),
    restarts: z.number().optional(),
    exitCode: z.number().nullable().optional(),
    signal: z.string().nullable().optional(),
    /** On `sigkill`: the pod's whole grace period was over and it was still there. */
    graceExpired: z.boolean().optional(),
    /** Why: `pod-kill`, `rollout`, `liveness`, `startup`, `remove`, `crash`, or a probe's own words. */
    why: z.string().optional(),
  }),
  /** What the cluster's HPA controller was started with, as far as that is known, and where each parameter is known from. */
  event('hpa.controller', {
    /** Of Kubernetes, `1.35.8`. */
    version: z.string(),
    parameters: z.record(
      z.enum([
        'syncPeriodMs',
        'tolerance',
        'downscaleStabilizationMs',
        'cpuInitializationMs',
        'initialReadinessDelayMs',
      ]),
      z.strictObject({
        value: z.number(),
        source: z.enum(['static pod', 'platform', 'assumed default']),
      }),
    ),
  }),
  event('endpoints', { service: z.string(), ready: z.array(pod) }),
  /** One write through one pod directly, beside its readiness at that moment. */
  event('serves', { pod, uid: z.string(), ready: z.boolean(), serves: z.boolean(), detail: z.string() }),

  /** `restartsEach`: how many ends of a target's containers, which come back in the same pod, are the fault's own doing; absent: none. */
  event('fault.intent', {
    fault: name,
    targets: z.array(z.string()),
    detail: z.string(),
    restartsEach: z.number().int().positive().optional(),
  }),
  event('fault.injected', { fault: name }),
  /**
   * What the fault's own probe saw. `acting`: first seen acting at `at`, last seen not acting at `notBeforeMs`.
   * `gone` likewise. `elsewhere`: it touched what it was not aimed at.
   */
  event('fault.proof', {
    fault: name,
    saw: z.enum(['acting', 'gone', 'elsewhere', 'never']),
    notBeforeMs: z.number(),
    detail: z.string(),
  }),
  event('fault.healed', { fault: name }),
  event('fault.failed', { fault: name, why: z.string() }),

  /** A Prometheus with the system's rules is up and scrapes; `toMs` of its `prometheus.ended` is the last moment it was asked about. */
  event('prometheus.started', {
    version: z.string(),
    /** As it has them, after compression. */
    scrapeIntervalMs: z.number(),
    evaluationIntervalMs: z.number(),
    /** How firings are known: every notification was taken, or the samples of ALERTS were read, one an evaluation. */
    firingsFrom: z.enum(['notifications', 'samples']),
  }),
  /** `why` not empty: it could not be started, would not take the rules, or died; what it was to watch was not watched. */
  event('prometheus.ended', { why: z.string(), rulesRefused: z.boolean() }),
  /** One alert as Prometheus has it (`/api/v1/rules`), when the run ended. */
  event('alert.rule', {
    alert: z.string(),
    file: z.string(),
    line: z.number(),
    expr: z.string(),
    forMs: z.number(),
    keepFiringForMs: z.number(),
    evaluationIntervalMs: z.number(),
    health: z.enum(['ok', 'err', 'unknown']),
    lastError: z.string(),
    /** Longest evaluation of its group and longest scrape of a target, in this run. */
    evaluationDurationMs: z.number(),
    scrapeDurationMs: z.number(),
    /** Nothing is known of before and after. */
    watchedMs: span,
    /** When its expression had a result, by a range query with this step. Null: it could not be asked. */
    heldMs: z.array(span).nullable(),
    stepMs: z.number(),
  }),
  /** One time that an alert fired, whatever its labels: each change lies between the two looks around it. */
  event('alert.fired', {
    alert: z.string(),
    labels: z.array(z.record(z.string(), z.string())),
    firedMs: span,
    /** Null: still firing when the watch ended. */
    resolvedMs: span.nullable(),
  }),
  /** A stretch in which an alert's times are not those of its rule. `alert` absent: all of them. */
  event('alert.blind', {
    alert: z.string().optional(),
    what: z.enum([
      'missed scrapes',
      'missed evaluations',
      'Prometheus restarted',
      'nobody looked',
      'not scraped',
    ]),
    fromMs: z.number(),
    toMs: z.number(),
    detail: z.string(),
  }),
  /** What is known of an alert without this run: findings of the lint, and its unit test in virtual time. */
  event('alert.logic', {
    alert: z.string(),
    findings: z.array(z.string()),
    virtual: z.enum(['holds', 'fails', 'not-tested']),
    why: z.string(),
  }),
  /** The answer to one of the scenario's queries, as saved in `file`; `error` not empty: there is none. */
  event('query.result', {
    query: z.string(),
    expr: z.string(),
    file: z.string(),
    error: z.string(),
    fromMs: z.number(),
    toMs: z.number(),
    stepMs: z.number(),
    /** Values as Prometheus gives them, NaN and infinities as words: [milliseconds on the run's clock, value]. */
    series: z.array(
      z.object({
        labels: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.number(), z.string()])),
      }),
    ),
  }),

  /** What the system gave back, saved as `ledger/<runner>.stored`; `complete` false = it could not be read. */
  event('readback', {
    fromMs: z.number(),
    toMs: z.number(),
    complete: z.boolean(),
    why: z.string(),
    runners: z.array(z.string()),
    /** Acknowledged writes of the ledgers that this look did not see, and those that it saw and the whole look before it did not: late ones. */
    absent: z.number().int().nonnegative().optional(),
    lagging: z.number().int().nonnegative().optional(),
  }),
  /** Something was saved beside the history; checks cite the id. */
  event('evidence', { id: z.string(), file: z.string(), what: z.string() }),
]);
export type Event = z.infer<typeof Event>;
export type EventOf<K extends Event['kind']> = Extract<Event, { kind: K }>;

// ---------------------------------------------------------------- verdicts

export const VERDICTS = ['pass', 'fail', 'inconclusive', 'invalid', 'not_run'] as const;
export const Outcome = z.enum(VERDICTS);
export type Outcome = z.infer<typeof Outcome>;

const quantity = z.strictObject({ value: z.number().nullable(), unit: z.string() });

export const Verdict = z.strictObject({
  /** Unique in the run: the check's name, and `@<disturbance>` where it judges one window. */
  id: z.string(),
  check: z.string(),
  title: z.string(),
  verdict: Outcome,
  optional: z.boolean(),
  /** One sentence a reader understands without the code; names the writes, pods or windows it accuses. */
  reason: z.string(),
  observed: quantity.optional(),
  expected: quantity.optional(),
  windowMs: z.tuple([z.number(), z.number()]).optional(),
  /** Files of the run directory, or `history` with an event kind: what the verdict rests on. Never empty. */
  evidence: z.array(z.string()).min(1),
});
export type Verdict = z.infer<typeof Verdict>;

/** `silent`: watched without a gap for longer than it may take to fire; that shows nothing of whether it could. */
const LiveClaim = z.enum(['fired', 'silent', 'not-shown']);

export const VerdictFile = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  runId: z.string(),
  scenario: z.string(),
  platform: z.string(),
  /** The run as a whole, by the precedence of `overall`. */
  verdict: Outcome,
  exitCode: z.number().int(),
  /** True for the local platform: processes on one machine, not a cluster. */
  rehearsal: z.boolean(),
  verdicts: z.array(Verdict),
  /** Figures for people and for `compare`: name, value, unit, and the fault that it is about. */
  figures: z.array(z.strictObject({ name: z.string(), ...quantity.shape, fault: z.string().optional() })),
  /** What each fault cost, in words with bounds and resolutions; its numbers are the figures of that fault. */
  costs: z
    .array(
      z.strictObject({
        fault: z.string(),
        data: z.array(z.string()),
        time: z.array(z.string()),
        service: z.array(z.string()),
      }),
    )
    .optional(),
  /** What is known of each alert of the rules. The three claims are never taken for each other. Absent: no Prometheus was asked for. */
  alerts: z
    .strictObject({
      /** Time of the live rules was divided by this; absent: they had their own numbers. */
      compress: z.number().optional(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          /** Names of the lint's rules that found something. */
          findings: z.array(z.string()),
          /** The rule with its own numbers, in virtual time. */
          logic: z.enum(['holds', 'fails', 'not-tested']),
          /** Live, at whatever speed. Fired: what it looks at is there, and moves it. */
          wiring: LiveClaim,
          /** Live, with its own numbers. */
          realTime: LiveClaim,
        }),
      ),
    })
    .optional(),
  /** Lines of the report that no check decides: what was not played, torn lines, notes. */
  remarks: z.array(z.string()),
});
export type VerdictFile = z.infer<typeof VerdictFile>;

/** The process's exit codes; `docs/verdicts.md` explains each. */
export const EXIT = { pass: 0, fail: 1, usage: 2, invalid: 3, inconclusive: 4, crash: 5 } as const;

/**
 * The verdict of the whole: fail, invalid, inconclusive, pass, in this order; a required promise that is `not_run`
 * counts as inconclusive, and so does a run without a single required verdict.
 */
export function overall(
  verdicts: readonly Pick<Verdict, 'verdict' | 'optional'>[],
): Exclude<Outcome, 'not_run'> {
  const has = (wanted: Outcome) => verdicts.some((v) => v.verdict === wanted);
  if (has('fail')) return 'fail';
  if (has('invalid')) return 'invalid';
  if (has('inconclusive')) return 'inconclusive';
  const required = verdicts.filter((v) => !v.optional);
  if (required.length === 0 || required.some((v) => v.verdict === 'not_run')) return 'inconclusive';
  return 'pass';
}

/** Bad input, found before anything was started: one line naming what, where and the way out. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
