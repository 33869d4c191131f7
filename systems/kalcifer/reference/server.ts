/**
 * The reference system's process: Kalcifer's public contract over PostgreSQL. Settings come from the environment (config.ts).
 * Exit codes: 0 after a clean shutdown, 1 when it cannot listen, 2 for settings it does not understand.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { type App, createApp } from './app.ts';
import { type Config, readConfig, SHUTDOWN_AT_LEAST_MS } from './config.ts';
import { createEngine, type Engine } from './engine.ts';
import { Flows } from './flows.ts';
import { countLive } from './instances.ts';
import { createMetrics } from './metrics.ts';
import { fireTimeouts } from './moves.ts';
import { recover } from './recovery.ts';
import { openTruth } from './truth.ts';

/** Two lanes of triggers, two of events, and whatever else is asked. */
const CONNECTIONS = 8;
const RETRY_MS = 500;
const TIMEOUTS_EVERY_MS = 1_000;
const LOOK_EVERY_MS = 20;

const log = (text: string) => console.log(`${new Date().toISOString()} ${text}`);
const stopping = new AbortController();

let config: Config;
try {
  config = readConfig(process.env);
} catch (error) {
  console.error(`kalcifer: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(2);
}

const pool = new Pool({
  connectionString: config.databaseUrl,
  max: CONNECTIONS,
  connectionTimeoutMillis: config.statementTimeoutMs,
  statement_timeout: config.statementTimeoutMs,
  // A store that is cut off answers nothing: then the connection is given up from this side.
  query_timeout: config.statementTimeoutMs + 500,
  application_name: 'kalcifer',
});
// A client without a listener for errors takes the whole process down when its server dies.
pool.on('error', () => undefined);
pool.on('connect', (client) => client.on('error', () => undefined));

const flows = new Flows(pool);
const truth = openTruth(config.truthDir, config.defect ?? 'none');
const engine = createEngine({ pool, flows, podName: config.podName, defect: config.defect, truth });
const metrics = createMetrics(
  async () => Object.values(await countLive(pool)).reduce((a, b) => a + b, 0),
  config.defect,
);
let hasStarted = false;
const app = createApp({
  pool,
  flows,
  engine,
  metrics,
  podName: config.podName,
  started: () => hasStarted,
  log,
});

/** Until it works: a pod may be there before its store. */
async function start(): Promise<void> {
  while (!hasStarted && !stopping.signal.aborted) {
    try {
      const failed = await recover(pool, config, truth);
      metrics.failures.inc(failed);
      metrics.recoveries.inc(failed);
      hasStarted = true;
      log(`recovered${failed > 0 ? `: ${failed} journeys marked failed` : ''}`);
    } catch (error) {
      log(`not started yet: ${error instanceof Error ? error.message : String(error)}`);
      await sleep(RETRY_MS);
    }
  }
}

async function watchTimeouts(): Promise<void> {
  while (!stopping.signal.aborted) {
    let more = false;
    try {
      const fired = await fireTimeouts(pool, flows);
      ({ more } = fired);
      metrics.completions.inc(fired.fired);
    } catch (error) {
      log(`timeouts: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (!more) await sleep(TIMEOUTS_EVERY_MS, undefined, { ref: false });
  }
}

/**
 * Goes on serving while every response asks its client to come back on another connection, which leads to another pod; stops accepting when
 * no connection is left, or after the time limit; then finishes what was accepted.
 */
async function drain(from: App, work: Engine): Promise<void> {
  const beganMs = performance.now();
  from.startDraining();
  work.terminate();
  for (let passedMs = 0; passedMs < config.shutdownTimeoutMs; passedMs = performance.now() - beganMs) {
    await sleep(LOOK_EVERY_MS);
    if (passedMs >= SHUTDOWN_AT_LEAST_MS && from.openConnections() === 0) break;
  }
  await new Promise<void>((resolve) => {
    from.server.close(() => resolve()); // closes idle connections and waits for the others' answers
  });
  await work.settled();
  await pool.end();
}

function stop(signal: string): void {
  log(`${signal} received`);
  if (stopping.signal.aborted) return;
  stopping.abort();
  void drain(app, engine).then(() => {
    log('stopped');
    process.exit(0);
  });
}
// Before it listens: a stop during the start is a clean one too.
process.on('SIGTERM', () => stop('SIGTERM'));
process.on('SIGINT', () => stop('SIGINT'));

app.server.on('error', (error) => {
  console.error(`kalcifer: cannot listen on ${config.host}:${config.port}: ${error.message}`);
  process.exit(1);
});
app.server.listen(config.port, config.host, 1_024, () => log(`listening on ${config.host}:${config.port}`));
void start().then(watchTimeouts);
