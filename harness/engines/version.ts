/** Finds programs on PATH and asks them for their version. */
import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Engine } from './engine.ts';

const VERSION_LIMIT_MS = 10_000;
const VERSION_LIMIT_BYTES = 64 * 1024;

/** Every executable file of that name on PATH, in its order; relative entries are left out, they would depend on the current folder. */
export function onPath(program: string): string[] {
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, program))
    .filter(isExecutable);
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** First of what a program prints when it is asked with `args`. Throws with the reason. */
export async function ask(file: string, args: string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(file, args, {
      timeout: VERSION_LIMIT_MS,
      killSignal: 'SIGKILL',
      maxBuffer: VERSION_LIMIT_BYTES,
    });
    return stdout;
  } catch (error) {
    throw new Error(`${file} ${args.join(' ')} failed: ${whyItFailed(error)}`, { cause: error });
  }
}

function whyItFailed(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('killed' in error && error.killed === true) return `no answer in ${VERSION_LIMIT_MS / 1_000} s`;
  const stderr = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : '';
  if (stderr !== '') return stderr.split('\n').slice(-1)[0] ?? stderr;
  return 'code' in error ? `exit ${String(error.code)}` : error.message;
}

/** The version of an engine's program, when it will do: same major and minor as the pinned one. Throws with the reason. */
export async function usableVersion(engine: Engine, file: string): Promise<string> {
  const printed = await ask(file, engine.versionArgs);
  const version = engine.versionPattern.exec(printed)?.[1];
  if (version === undefined) throw new Error(`${file} does not say its version`);
  if (minorOf(version) !== minorOf(engine.version)) {
    throw new Error(`${file} is ${version}, and ${minorOf(engine.version)}.x is needed`);
  }
  return version;
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
