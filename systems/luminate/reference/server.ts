/**
 * The reference system's process: Luminate's public contract over PostgreSQL or ClickHouse. Settings come from the environment (config.ts).
 * Exit codes: 0 after a clean shutdown, 1 when it cannot listen, 2 for settings it does not understand.
 */
import { createApp } from './app.ts';
import { readConfig } from './config.ts';
import type { Config } from './config.ts';
import { drain } from './drain.ts';

let config: Config;
try {
  config = readConfig(process.env);
} catch (error) {
  console.error(`luminate: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(2);
}
const log = (text: string) => console.log(`${new Date().toISOString()} ${text}`);
const app = createApp(config, log);

let stopping = false;
function stop(signal: string): void {
  log(`${signal} received`);
  if (stopping || config.defect === 'ignore-sigterm') return;
  if (config.defect === 'exits-on-sigterm') process.exit(0);
  stopping = true;
  void drain(app, config).then(() => {
    log('stopped');
    process.exit(0);
  });
}
// Before it listens: a stop during the start is a clean one too.
process.on('SIGTERM', () => stop('SIGTERM'));
process.on('SIGINT', () => stop('SIGINT'));

app.server.on('error', (error) => {
  console.error(`luminate: cannot listen on ${config.host}:${config.port}: ${error.message}`);
  process.exit(1);
});
app.server.listen(config.port, config.host, 1_024, () => log(`listening on ${config.host}:${config.port}`));
