/** Finds the programs that Proofload drives: on PATH, in its cache, as a download, or built. One engine is one record here. */
import { cachedFile, type Engine, type Progress } from './engines/engine.ts';
import { download, notDownloadable } from './engines/download.ts';
import { findGo, goBuild } from './engines/go-build.ts';
import type { Found } from './engines/install.ts';
import { isExecutable, onPath, usableVersion } from './engines/version.ts';
import { UsageError } from '../record/model.ts';
import { reasonOf } from '../record/reason.ts';

/** What Prometheus' programs have in common: built without the service discoveries of every cloud, they link in half the time. */
const PROMETHEUS = {
  version: '3.14.0',
  versionArgs: ['--version'],
  releases: {},
  goFlags: ['-tags=remove_all_sd'],
  goVersionVariable: 'github.com/prometheus/common/version.Version',
  minGo: [1, 25],
  optional: true,
  installUrl: 'https://prometheus.io/download/',
} satisfies Partial<Engine>;

const ENGINES: Engine[] = [
  {
    name: 'k6',
    version: '2.2.0',
    versionArgs: ['version'],
    // k6 prints the name it was called by.
    versionPattern: /^\S+ v(\d+\.\d+\.\d+)\b/,
    releases: {
      'linux-amd64': {
        url: 'https://github.com/grafana/k6/releases/download/v2.2.0/k6-v2.2.0-linux-amd64.tar.gz',
        sha256: 'b5a8003c86f35f5cd5ceef1490312c48e587696c94d998cefc6d7b3b4cb1597d',
        member: 'k6-v2.2.0-linux-amd64/k6',
      },
    },
    goModule: 'tools',
    goPackage: 'go.k6.io/k6/v2',
    minGo: [1, 25],
    neededBy: ['run'],
    installUrl: 'https://grafana.com/docs/k6/latest/set-up/install-k6/',
  },
  {
    ...PROMETHEUS,
    name: 'prometheus',
    versionPattern: /^prometheus, version (\d+\.\d+\.\d+)\b/,
    goModule: 'tools/prometheus',
    goPackage: 'github.com/prometheus/prometheus/cmd/prometheus',
    neededBy: ['run --on local with alerts'],
  },
  {
    ...PROMETHEUS,
    name: 'promtool',
    versionPattern: /^promtool, version (\d+\.\d+\.\d+)\b/,
    goModule: 'tools/promtool',
    goPackage: 'github.com/prometheus/prometheus/cmd/promtool',
    neededBy: ['rules --virtual'],
  },
];

/** A way to an engine. `find` throws with the reason; `inspect` says what `find` would come to, and fetches nothing. */
interface Step {
  name: string;
  find(engine: Engine, progress: Progress): Promise<Found>;
  inspect(engine: Engine): Promise<Found | 'possible'>;
}

const STEPS: Step[] = [
  { name: 'PATH', find: findOnPath, inspect: findOnPath },
  { name: 'cache', find: findInCache, inspect: findInCache },
  {
    name: 'download',
    find: download,
    inspect(engine) {
      const why = notDownloadable(engine);
      return why === null ? Promise.resolve('possible') : Promise.reject(new Error(why));
    },
  },
  {
    name: 'go build',
    find: goBuild,
    async inspect(engine) {
      await findGo(engine);
      return 'possible';
    },
  },
];

export interface FoundEngine extends Found {
  /** The step that found it. */
  from: string;
}

/**
 * The engine, from the first step that has it. May download or build, once; then it is in the cache.
 * Throws UsageError when no step has it, with each step's reason and what to install.
 */
export async function findEngine(name: string, progress: Progress): Promise<FoundEngine> {
  const engine = ENGINES.find((known) => known.name === name);
  if (engine === undefined) throw new UsageError(`engine "${name}" is not known`);
  return locateEngine(engine, progress);
}

/** `findEngine` for an engine given as data. */
export async function locateEngine(engine: Engine, progress: Progress): Promise<FoundEngine> {
  const reasons: string[] = [];
  for (const step of STEPS) {
    try {
      return { ...(await step.find(engine, progress)), from: step.name };
    } catch (error) {
      if (progress.signal.aborted) throw new UsageError(`interrupted while getting ${engine.name}`);
      reasons.push(`  ${step.name}: ${reasonOf(error)}`);
    }
  }
  const needed = engine.version.split('.').slice(0, 2).join('.');
  throw new UsageError(
    `${engine.name} ${needed} is needed and was not found:\n${reasons.join('\n')}\n` +
      `Install ${engine.name} ${needed} (${engine.installUrl}) or Go ${engine.minGo.join('.')} or newer (https://go.dev/dl/), and start again.`,
  );
}

export interface EngineState {
  engine: string;
  version: string;
  found?: { path: string; from: string };
  /** The steps before the one that has it, or all of them; `possible` = it would be fetched or built on first use. */
  tried: { step: string; result: string }[];
  neededBy: string[];
  optional: boolean;
}

/** Where each engine is, or how it could be had. Fetches nothing and never throws. */
export async function inspectEngines(): Promise<EngineState[]> {
  return Promise.all(ENGINES.map(inspectEngine));
}

async function inspectEngine(engine: Engine): Promise<EngineState> {
  const state: EngineState = {
    engine: engine.name,
    version: engine.version,
    tried: [],
    neededBy: engine.neededBy,
    optional: engine.optional ?? false,
  };
  for (const step of STEPS) {
    try {
      const found = await step.inspect(engine);
      if (found !== 'possible') return { ...state, found: { path: found.path, from: step.name } };
      state.tried.push({ step: step.name, result: found });
    } catch (error) {
      state.tried.push({ step: step.name, result: reasonOf(error) });
    }
  }
  return state;
}

/** The first program on PATH whose version will do. */
async function findOnPath(engine: Engine): Promise<Found> {
  const reasons: string[] = [];
  for (const file of onPath(engine.name)) {
    try {
      return { path: file, version: await usableVersion(engine, file) };
    } catch (error) {
      reasons.push(reasonOf(error));
    }
  }
  throw new Error(reasons.join('; ') || `there is no ${engine.name} on it`);
}

async function findInCache(engine: Engine): Promise<Found> {
  const file = cachedFile(engine);
  if (!isExecutable(file)) throw new Error(`there is no ${file}`);
  return { path: file, version: await usableVersion(engine, file) };
}
