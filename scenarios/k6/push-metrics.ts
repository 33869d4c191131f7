/** Writes batches of metrics at a constant rate, open model: arrivals do not wait for answers. One ledger line per write. */
import { openLoad } from './lib/open-load.ts';
import { write } from './lib/write.ts';

export { handleSummary } from './lib/summary.ts';

export const options = openLoad;

export default function pushMetrics(): void {
  // Not before: while k6 starts, the console is another one, which writes to stderr and not to the ledger.
  write(console.log);
}
