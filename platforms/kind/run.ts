/** Runs the programs that bring kind up. Arguments are quoted by zx one by one, and nothing of them is ever read as shell. */
import { $, ProcessOutput } from 'zx';

const SAID_LINES = 4;

export interface RunOptions {
  signal: AbortSignal;
  timeoutMs: number;
  env?: Record<string, string>;
  cwd?: string;
}

/**
 * Standard output of a program that ended with 0. Rejects with one line: program, first arguments, exit code, the end of what it said;
 * with the signal's reason when that was aborted.
 */
export async function run(program: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { signal, timeoutMs, env = {}, cwd } = options;
  signal.throwIfAborted();
  const command = $({
    quiet: true,
    signal,
    timeout: timeoutMs,
    // A process group of its own, which ends as a whole on SIGTERM (zx's default), also where there is no `ps` to find its members.
    detached: true,
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  })`${program} ${args}`;
  const startedMs = performance.now();
  try {
    return (await command).stdout;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ProcessOutput)) throw error;
    const late = performance.now() - startedMs >= timeoutMs;
    const how = late
      ? `took longer than ${timeoutMs / 1_000} s`
      : `ended with ${error.exitCode ?? error.signal}`;
    const said = (error.stderr.trim() || error.stdout.trim()).split('\n').slice(-SAID_LINES).join(' | ');
    throw new Error(`${program} ${args.slice(0, 3).join(' ')} ${how}: ${said || 'it said nothing'}`, {
      cause: error,
    });
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
