/** Program of the watchdog that `heal.ts` starts: its harness died, so it heals that run and ends. */
import { healRun } from './heal.ts';

const runDir = process.argv[2];
if (runDir !== undefined) await healRun(runDir);
