// bench/k6.ts
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path4 from 'node:path';

// harness/bundle.ts
import { existsSync as existsSync2, readdirSync } from 'node:fs';
import path2 from 'node:path';
import { build } from 'esbuild';

// record/model.ts
import { z } from 'zod';
var SCHEMA_VERSION = 1;
var name = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'expected lower-case letters, digits and dashes');
var Expectation = z.looseObject({
  check: name,
  /** Name of a disturbance of this scenario: judge only its window. */
  during: name.optional(),
  /** An optional promise that is `not_run` is a line in the report; a required one makes the run inconclusive. */
  optional: z.boolean().optional(),
});
var Disturbance = z.strictObject({
  name,
  /** A file of `chaos/` without its ending, or one of the two verbs that need no Chaos Mesh object. */
  fault: z.union([z.strictObject({ chaos: name }), z.literal('rollout-restart')]),
  /**
   * Length of a fault that lasts (partition, delay). `below-liveness` = as long as the live manifest allows
   * without a liveness restart: less than failureThreshold x periodSeconds.
   */
  forMs: z.union([z.number().int().positive(), z.literal('below-liveness')]).optional(),
});
var Load = z.strictObject({
  /** A script of `scenarios/k6/` without its ending. */
  script: name,
  /** Writes a second, open model (arrivals do not wait for answers). */
  ratePerS: z.number().positive(),
  pointsPerWrite: z.number().int().positive(),
  /** Length of the load, milliseconds; `--for` replaces it. */
  forMs: z.number().int().positive(),
  /** Not judged: connections and code paths warm up. */
  warmupMs: z.number().int().nonnegative(),
});
var Scenario = z.strictObject({
  name,
  question: z.string().min(1),
  /** A folder of `systems/`. */
  system: name,
  /** A file of `systems/<system>/overlays/` without its ending: changes to the guide's manifests, printed in the report. */
  overlay: name.optional(),
  load: Load,
  /** Find what the machine can carry first, and go on at that rate if it is lower than asked. */
  calibrate: z.boolean(),
  disturb: z.array(Disturbance),
  /** A one-second bin is good when this share of its writes is acknowledged, and not more than 1 % of them slower than the limit. */
  good: z.strictObject({
    served: z.number().gt(0).max(1),
    latencyMs: z.number().positive(),
    bins: z.number().int().positive(),
  }),
  expect: z.array(Expectation).min(1),
});
var PlannedFault = z.strictObject({
  name,
  fault: Disturbance.shape.fault,
  /** Milliseconds after the start of the judged load. */
  atMs: z.number().nonnegative(),
  /** For a fault that lasts. */
  forMs: z.number().positive().optional(),
  /** Time set aside for the fault and the recovery after it, computed from the manifests. */
  slotMs: z.number().positive(),
});
var Plan = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  runId: z.string(),
  scenario: Scenario,
  platform: z.enum(['local', 'kubernetes']),
  seed: z.number().int(),
  defect: z.string().optional(),
  faults: z.array(PlannedFault),
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
var at = z.number();
var pod = z.string();
var event = (kind, shape) => z.object({ at, kind: z.literal(kind), ...shape });
var Event = z.discriminatedUnion('kind', [
  /** First line of every history: anchors the monotonic clock to the wall clock. */
  event('run.started', { runId: z.string(), wallMs: z.number() }),
  event('run.ended', { interrupted: z.boolean() }),
  /** The harness itself failed; the run is judged from what was recorded until then. */
  event('run.crashed', { phase: z.string(), message: z.string() }),
  /** The harness ended the run early, on purpose: `invalid` when the instrument cannot measure, `inconclusive` when there is nothing to judge. */
  event('run.aborted', { phase: z.string(), why: z.string(), verdict: z.enum(['invalid', 'inconclusive']) }),
  /** Wall clock against monotonic clock, so that a clock step is seen. */
  event('clock', { wallMs: z.number() }),
  event('phase', {
    phase: z.enum(['deploy', 'calibrate', 'baseline', 'disturb', 'recover', 'read-back', 'undo']),
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
  event('rate', { askedPerS: z.number(), ratePerS: z.number() }),
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
    /** Why: `pod-kill`, `rollout`, `liveness`, `startup`, `remove`, `crash`, or a probe's own words. */
    why: z.string().optional(),
  }),
  event('endpoints', { service: z.string(), ready: z.array(pod) }),
  /** One write through one pod directly, beside its readiness at that moment. */
  event('serves', { pod, uid: z.string(), ready: z.boolean(), serves: z.boolean(), detail: z.string() }),
  event('fault.intent', { fault: name, targets: z.array(z.string()), detail: z.string() }),
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
  /** What the system gave back, saved as `ledger/<runner>.stored`; `complete` false = it could not be read. */
  event('readback', {
    fromMs: z.number(),
    toMs: z.number(),
    complete: z.boolean(),
    why: z.string(),
    runners: z.array(z.string()),
  }),
  /** Something was saved beside the history; checks cite the id. */
  event('evidence', { id: z.string(), file: z.string(), what: z.string() }),
]);
var VERDICTS = ['pass', 'fail', 'inconclusive', 'invalid', 'not_run'];
var Outcome = z.enum(VERDICTS);
var quantity = z.strictObject({ value: z.number().nullable(), unit: z.string() });
var Verdict = z.strictObject({
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
var VerdictFile = z.strictObject({
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
  /** Figures for people and for `compare`: name, value, unit. */
  figures: z.array(z.strictObject({ name: z.string(), value: z.number().nullable(), unit: z.string() })),
  /** Lines of the report that no check decides: what was not played, torn lines, notes. */
  remarks: z.array(z.string()),
});
var UsageError = class extends Error {
  name = 'UsageError';
};

// record/root.ts
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
function findRoot() {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json'))) {
    const parent = path.dirname(folder);
    if (parent === folder)
      throw new Error('proofload: no package.json above the program; the installation is incomplete');
    folder = parent;
  }
  return folder;
}
var ROOT = findRoot();
function builtFile(source) {
  return path.join(ROOT, 'dist', source.replace(/\.ts$/, '.js'));
}

// harness/bundle.ts
var SCRIPTS = path2.join(ROOT, 'scenarios', 'k6');
async function bundleScript(script, outDir, scriptsDir = SCRIPTS) {
  const source = path2.join(scriptsDir, `${script}.ts`);
  if (!/^[a-z0-9][a-z0-9-]*$/.test(script) || !existsSync2(source)) {
    throw new UsageError(
      `k6 script "${script}": there is no ${path2.relative(ROOT, source)}; the scripts are ${scriptNames(scriptsDir)}`,
    );
  }
  const outfile = path2.join(outDir, `${script}.js`);
  try {
    await build({
      entryPoints: [source],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'neutral',
      target: 'es2022',
      // Not in k6's JavaScript engine (grafana/k6#3264).
      supported: { 'async-generator': false, 'for-await': false, decorators: false, using: false },
      external: ['k6', 'k6/*'],
      sourcemap: 'inline',
      absWorkingDir: ROOT,
      logLevel: 'silent',
    });
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    throw new UsageError(`k6 script "${script}" does not build:
${error.errors.map(describe).join('\n')}`);
  }
  return outfile;
}
function scriptNames(scriptsDir) {
  const files = existsSync2(scriptsDir) ? readdirSync(scriptsDir) : [];
  return (
    files
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => file.slice(0, -3))
      .toSorted()
      .join(', ') || 'none'
  );
}
function isBuildFailure(error) {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}
function describe({ text, location }) {
  return location === null ? text : `${location.file}:${location.line}:${location.column + 1}: ${text}`;
}

// harness/engines/version.ts
import { accessSync, constants, statSync } from 'node:fs';
import path3 from 'node:path';
var VERSION_LIMIT_BYTES = 64 * 1024;
function onPath(program) {
  return (process.env['PATH'] ?? '')
    .split(path3.delimiter)
    .filter((folder) => path3.isAbsolute(folder))
    .map((folder) => path3.join(folder, program))
    .filter(isExecutable);
}
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

// harness/ledger-tail.ts
var CHUNK_BYTES = 256 * 1024;

// harness/load-end.ts
import { closeSync, existsSync as existsSync3, openSync, readFileSync, readSync, fstatSync } from 'node:fs';
var SUMMARY_LIMIT_BYTES = 64 * 1024;
function readSummary(summaryFile) {
  try {
    const text = readFileSync(summaryFile, 'utf8');
    const summary = text.length > SUMMARY_LIMIT_BYTES ? null : JSON.parse(text);
    return { iterations: count(summary, 'iterations'), dropped: count(summary, 'dropped_iterations') };
  } catch {
    return { iterations: null, dropped: null };
  }
}
function count(summary, name2) {
  const value = typeof summary === 'object' && summary !== null ? Reflect.get(summary, name2) : null;
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : null;
}

// harness/load.ts
function k6Command(options) {
  const { scriptJs, runner, runId, ledgerFile, summaryFile, ratePerS, vus, forMs } = options;
  return {
    args: [
      'run',
      '--quiet',
      '--no-thresholds',
      `--console-output=${ledgerFile}`,
      '--log-format=raw',
      '--log-output=stderr',
      scriptJs,
    ],
    env: {
      // A K6_VUS or K6_DURATION of the user would replace the script's own options.
      ...Object.fromEntries(Object.entries(process.env).filter(([name2]) => !name2.startsWith('K6_'))),
      ...options.env,
      RUN_ID: runId,
      RUNNER: runner,
      RATE: String(ratePerS),
      DURATION_MS: String(forMs),
      VUS: String(vus),
      SUMMARY_FILE: summaryFile,
      K6_NO_USAGE_REPORT: 'true',
      // Else an unknown import makes k6 fetch another k6 and run it.
      K6_AUTO_EXTENSION_RESOLUTION: 'false',
      // Memory for CPU: rarer collections make a write a third cheaper.
      GOGC: '400',
      PROOFLOAD_RUN: runId,
    },
  };
}

// bench/k6.ts
var VUS = 8;
var POINTS = 100;
var FOR_MS = 8e3;
var ROUNDS = 5;
var ORDER = ['on', 'off', 'off', 'on'];
var RUN_LIMIT_MS = 6e4;
async function run(k6Path, { forMs = FOR_MS, rounds = ROUNDS } = {}) {
  const [taskset] = onPath('taskset');
  const pinned = taskset !== void 0 && os.cpus().length >= 2;
  const notes = pinned
    ? []
    : ['k6 and the sink are not pinned to a core each (taskset or a second CPU is missing): expect noise'];
  const pin = (core, command) => (pinned ? [taskset, '-c', String(core), ...command] : command);
  const dir = mkdtempSync(path4.join(os.tmpdir(), 'proofload-bench-'));
  const sink = await startSink(pin(1, [process.execPath, builtFile('bench/null-sink.ts'), String(POINTS)]));
  try {
    const scriptJs = await bundleScript('bench-write', dir);
    const result = { rounds: [], notes };
    for (let round = 0; round < rounds; round += 1) {
      const writes = { on: 0, off: 0 };
      const cpuS = { on: 0, off: 0 };
      for (const [index, ledger] of ORDER.entries()) {
        const name2 = `${round}-${index}`;
        const summaryFile = path4.join(dir, `${name2}.json`);
        const { args, env } = k6Command({
          scriptJs,
          runner: 'bench',
          runId: 'bench',
          ledgerFile: path4.join(dir, `${name2}.log`),
          summaryFile,
          env: { URL: sink.url, POINTS: String(POINTS), TIMEOUT_MS: '5000', LEDGER: ledger },
          ratePerS: 1,
          vus: VUS,
          forMs,
        });
        cpuS[ledger] += await complete(pin(0, [k6Path, ...args]), env);
        const { iterations } = readSummary(summaryFile);
        if (iterations === null || iterations === 0) throw new Error('k6 counted no writes');
        writes[ledger] += iterations;
      }
      const elapsedS = (2 * forMs) / 1e3;
      result.rounds.push({
        withPerS: writes.on / elapsedS,
        withoutPerS: writes.off / elapsedS,
        withPerCpuS: writes.on / cpuS.on,
        withoutPerCpuS: writes.off / cpuS.off,
      });
    }
    return result;
  } finally {
    sink.child.stdin?.end();
    rmSync(dir, { recursive: true, force: true });
  }
}
async function startSink([program = '', ...args]) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const port = await new Promise((resolve, reject) => {
    child.stdout.once('data', (data) => resolve(data.toString().trim()));
    child.once('error', reject);
    child.once('exit', (exitCode) => reject(new Error(`the sink ended with ${exitCode} at its start`)));
  });
  return { child, url: `http://127.0.0.1:${port}/` };
}
async function complete(command, env) {
  const child = spawn('/bin/sh', ['-c', '"$@" >&2 || exit; times', 'sh', ...command], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_LIMIT_MS,
  });
  let times = '';
  let said = '';
  child.stdout.on('data', (data) => {
    times += data.toString();
  });
  child.stderr.on('data', (data) => {
    said = (said + data.toString()).slice(-2e3);
  });
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) =>
      exitCode === 0 ? resolve() : reject(new Error(`k6 ended with ${exitCode ?? signal}: ${said.trim()}`)),
    );
  });
  const [, children = ''] = times.split('\n');
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
}

// ../../tmp/k6w/bench.mts
console.log(
  JSON.stringify(
    await run('/tmp/k6build/k6', { forMs: Number(process.argv[2]), rounds: Number(process.argv[3]) }),
  ),
);
