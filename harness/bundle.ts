/**
 * Bundles a k6 script into one JavaScript file. k6 is never given TypeScript: some syntax its own stripping leaves over sends k6 v2.2
 * into an endless loop without a word, where the same code as JavaScript fails at once.
 */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { build, type BuildFailure, type Message } from 'esbuild';
import { UsageError } from '../record/model.ts';
import { ROOT } from '../record/root.ts';

const SCRIPTS = path.join(ROOT, 'scenarios', 'k6');

/**
 * Bundles `<scriptsDir>/<script>.ts` into `<outDir>/<script>.js` and returns that file.
 * Throws UsageError for a script that does not exist or does not build, with file and line of every error.
 */
export async function bundleScript(script: string, outDir: string, scriptsDir = SCRIPTS): Promise<string> {
  const source = path.join(scriptsDir, `${script}.ts`);
  // The name comes from a scenario: a path in it must not leave the folder.
  if (!/^[a-z0-9][a-z0-9-]*$/.test(script) || !existsSync(source)) {
    throw new UsageError(
      `k6 script "${script}": there is no ${path.relative(ROOT, source)}; the scripts are ${scriptNames(scriptsDir)}`,
    );
  }
  const outfile = path.join(outDir, `${script}.js`);
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
    throw new UsageError(`k6 script "${script}" does not build:\n${error.errors.map(describe).join('\n')}`);
  }
  return outfile;
}

function scriptNames(scriptsDir: string): string {
  const files = existsSync(scriptsDir) ? readdirSync(scriptsDir) : [];
  return (
    files
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => file.slice(0, -3))
      .toSorted()
      .join(', ') || 'none'
  );
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}

function describe({ text, location }: Message): string {
  return location === null ? text : `${location.file}:${location.line}:${location.column + 1}: ${text}`;
}
