/** The programs of this machine that images are made of and with: where they are, and running them within bounds. */
import { execFile } from 'node:child_process';
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { UsageError } from '../../record/model.ts';

const TIMEOUT_MS = 300_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/** Packages of Debian and Ubuntu (Fedora and Alpine name them alike) for what is seldom installed. */
const PACKAGES: Record<string, string> = {
  busybox: 'busybox-static',
  mvn: 'maven',
  jlink: 'openjdk-17-jdk-headless (or any JDK from 17 on)',
};

/**
 * The file behind a program's name: `node` is the one that runs now, an absolute path is itself, all others are looked for on PATH.
 * Throws UsageError naming the package to install.
 */
export function findProgram(name: string, searchPath = process.env['PATH'] ?? ''): string {
  if (name === 'node') return process.execPath;
  const candidates = path.isAbsolute(name)
    ? [name]
    : searchPath
        .split(path.delimiter)
        .filter((folder) => path.isAbsolute(folder))
        .map((folder) => path.join(folder, name));
  const found = candidates.find(isProgram);
  if (found !== undefined) return realpathSync(found);
  throw new UsageError(
    path.isAbsolute(name)
      ? `images: there is no program ${name}`
      : `images: ${name} is needed to build container images and is not on PATH; install the package ${PACKAGES[name] ?? name}`,
  );
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** What it printed. Rejects with the program, its first arguments and the end of its errors, or with an error named AbortError. */
export async function runProgram(
  file: string,
  args: readonly string[],
  { signal, cwd, timeoutMs = TIMEOUT_MS }: { signal: AbortSignal; cwd?: string; timeoutMs?: number },
): Promise<{ stdout: string; stderr: string }> {
  try {
    return await promisify(execFile)(file, args, {
      signal,
      ...(cwd !== undefined && { cwd }),
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_OUTPUT_BYTES,
      env: { ...process.env, LC_ALL: 'C' },
    });
  } catch (error) {
    if (signal.aborted || !(error instanceof Error)) throw error;
    const said = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : '';
    const what = [path.basename(file), ...args.slice(0, 2)].join(' ');
    throw new Error(`${what} failed: ${said.slice(-500) || error.message}`, { cause: error });
  }
}
