/** All benchmarks, one after another: `npm run bench`. Each compares two ways within one run, so that its figures mean the same on any machine. */
import { findEngine } from '../harness/engines.ts';
import { run as benchK6 } from './k6.ts';
import { run as benchLedger } from './ledger.ts';

const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort());
const k6 = await findEngine('k6', {
  signal: interrupt.signal,
  onProgress: (line) => process.stderr.write(`${line}\n`),
});
process.removeAllListeners('SIGINT');

await benchK6(k6.path);
await benchLedger();
