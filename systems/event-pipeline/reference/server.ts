/**
 * The process of all three Deployments; its one argument says which: `capture`, `consumer` or `query`. Settings come from the environment.
 * Exit codes: 0 after a clean shutdown, 1 when it cannot start, 2 for settings it does not understand.
 */
import { createCapture } from './capture.ts';
import { createConsumer } from './consumer.ts';
import type { Program } from './program.ts';
import { createQuery } from './query.ts';

const PROGRAMS = { capture: createCapture, consumer: createConsumer, query: createQuery };

const name = process.argv[2] ?? '';
const log = (text: string) => console.log(`${new Date().toISOString()} ${text}`);

let program: Program;
try {
  if (!isProgram(name)) throw new Error(`expected one of ${Object.keys(PROGRAMS).join(', ')} as argument`);
  program = PROGRAMS[name](process.env, log);
} catch (error) {
  fail(error, 2);
}

function fail(error: unknown, exitCode: number): never {
  console.error(`event-pipeline ${name}: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(exitCode);
}

let stopping = false;
function stop(signal: string): void {
  log(`${signal} received`);
  if (stopping) return;
  stopping = true;
  program.stop().then(
    () => {
      log('stopped');
      process.exit(0);
    },
    (error: unknown) => fail(error, 1),
  );
}
// Before it listens: a stop during the start is a clean one too.
process.on('SIGTERM', () => stop('SIGTERM'));
process.on('SIGINT', () => stop('SIGINT'));

program.start().catch((error: unknown) => fail(error, 1));

function isProgram(text: string): text is keyof typeof PROGRAMS {
  return Object.hasOwn(PROGRAMS, text);
}
