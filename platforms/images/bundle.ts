/** A program of TypeScript and everything it imports as one JavaScript file: an image has no node_modules. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { build, type BuildFailure } from 'esbuild';
import { UsageError } from '../../record/model.ts';
import { ROOT } from '../../record/root.ts';

/** The JavaScript (CommonJS: some packages call `require`). Throws UsageError with file and line of every error. */
export async function bundleProgram(source: string): Promise<string> {
  const shown = path.relative(ROOT, source);
  if (!existsSync(source)) throw new UsageError(`images: there is no ${shown} to put into the image`);
  try {
    const { outputFiles } = await build({
      entryPoints: [source],
      bundle: true,
      write: false,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      absWorkingDir: ROOT,
      // Modules that ask where they are get the one file's place; CommonJS has no import.meta.
      define: { 'import.meta.url': 'bundleUrl' },
      banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
      // The same package with its WebAssembly inside the code: an image has no file beside it.
      alias: { '@platformatic/wasm-utils': '@platformatic/wasm-utils/bundled' },
      logLevel: 'silent',
    });
    return outputFiles[0]?.text ?? '';
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    const lines = error.errors.map(({ text, location }) =>
      location === null ? text : `${location.file}:${location.line}:${location.column + 1}: ${text}`,
    );
    throw new UsageError(`images: ${shown} does not build:\n${lines.join('\n')}`, { cause: error });
  }
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}
