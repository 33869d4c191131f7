#!/usr/bin/env node
/** Starts the front door: builds what changed (nothing, as a rule), then hands over to `cli.ts`. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from './build.mjs';

/** As in record/model.ts, which is not built yet when these are needed. */
const EXIT_CRASH = 5;

// An uncaught error must not end with 1, which says that a promise of the system is broken.
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error) => {
    process.stderr.write(
      `proofload crashed: ${process.argv.includes('--debug') ? error?.stack : (error?.message ?? error)}\n`,
    );
    process.exit(EXIT_CRASH);
  });
}
// A reader that has seen enough (`| head`) is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

await import(pathToFileURL(path.join(await build(), 'cli.js')).href);
