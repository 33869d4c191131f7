/**
 * The front door: commands, flags, exit codes. Everything heavy is loaded by the command that needs it, so that help is quick.
 * stdout carries the result (with --json: one JSON document and nothing else), stderr the progress.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { parseDurationMs } from './record/duration.ts';
import { EXIT, UsageError } from './record/model.ts';
import { ROOT } from './record/root.ts';

const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
const DEFAULT_OUT = 'out';
/** Timers count in 31 bits of milliseconds (24 days); a run that long wants to be several. */
const MAX_FOR_MS = 7 * 86_400_000;
/** At some thousand a second, hours of them; the ledger's numbers go further. */
const MAX_JOURNEYS = 100_000_000;
/** The longest windows are days, and the shortest scrape is a second. */
const MAX_COMPRESSION = 10_000;
/** Beyond what one k6 process can offer. */
const MAX_RATE = 100_000;

const json = () => new Option('--json', 'machine-readable result on stdout, and nothing else there');
const out = () =>
  new Option('--out <dir>', 'folder of the run directories').default(DEFAULT_OUT).argParser(folder);

const program = new Command('proofload')
  .description(
    'Puts a load on a Kubernetes system, breaks it, scales it, and says with evidence which of its promises hold.',
  )
  .version(version)
  .option('--debug', 'stack traces for errors')
  .showSuggestionAfterError()
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

program
  .command('run')
  .description('play a scenario and judge it')
  .argument('<scenario>', 'a file of scenarios/, without its ending (see: proofload list)')
  .addOption(
    new Option(
      '--on <place>',
      'local processes; a cluster of make up (bare, kind); or the cluster of a kubeconfig (kubernetes)',
    )
      .choices(['local', 'bare', 'kind', 'kubernetes'])
      .default('local' as const),
  )
  .option('--kubeconfig <file>', 'with --on kubernetes; default as kubectl')
  .option('--context <name>', 'with --on kubernetes; must be allowed in proofload.yaml')
  .option('--namespace <name>', "instead of the manifests' own")
  .addOption(new Option('--attach', 'test what runs there already: nothing is deployed, nothing is removed'))
  .option('--load-url <url>', 'where the load goes, if no address of the Service can be reached from here')
  .option('--runners <n>', 'load from inside the cluster, by this many k6 pods; 1 to 64', runnerCount)
  .addOption(
    new Option(
      '--runner-kind <kind>',
      'job: an Indexed Job (default); testrun: a TestRun of the k6-operator',
    ).choices(['job', 'testrun']),
  )
  .addOption(
    new Option('--dry-run', 'print what would be created and whom the faults would hit; change nothing'),
  )
  .option('--for <duration>', 'length of the load, e.g. 5m or 90s, at most 7d', duration)
  .option('--rate <writes>', 'writes a second', positiveNumber)
  .option(
    '--journeys <n>',
    'writes of the load before the judged one, where the scenario has one',
    journeyCount,
  )
  .option(
    '--resume <run>',
    'go on with the load before of an interrupted run; with --attach, since the system must have stayed',
  )
  .option(
    '--compress <k>',
    'divide every duration of the alert rules, and how often Prometheus scrapes and evaluates, by k above 1',
    compression,
  )
  .option('--defect <name>', "switch on one defect of the system's reference")
  .option('--seed <n>', 'fixes targets, order and times of the faults; 0 to 4294967295', seed, 1)
  .option('--metrics-port <port>', "serve the run's own progress for Prometheus on 127.0.0.1", port)
  .addOption(out())
  .addOption(json())
  .action(async (scenario, options) => {
    const { runCommand } = await import('./commands/run.ts');
    process.exitCode = await runCommand(scenario, options);
  });

program
  .command('judge')
  .description('judge a saved run again: the same data, any machine')
  .argument('<run>', 'a run directory')
  .addOption(json())
  .action(async (run, options) => {
    const { judgeCommand } = await import('./commands/judge.ts');
    process.exitCode = await judgeCommand(run, options);
  });

program
  .command('report')
  .description('write the reports of a judged run again and print the table')
  .argument('<run>', 'a run directory')
  .addOption(json())
  .action(async (run, options) => {
    const { reportCommand } = await import('./commands/judge.ts');
    process.exitCode = await reportCommand(run, options);
  });

program
  .command('compare')
  .description('two saved runs side by side: what changed, and whether it is more than noise')
  .argument('<runA>', 'the earlier run: a run directory, or its name below --out')
  .argument('<runB>', 'the later one')
  .addOption(out())
  .addOption(json())
  .action(async (runA, runB, options) => {
    const { compareCommand } = await import('./commands/compare.ts');
    process.exitCode = await compareCommand(runA, runB, options);
  });

program
  .command('heal')
  .description('take back what runs left behind: processes, temporary files, shared memory')
  .argument('[run]', 'a run directory; without it every run of --out')
  .addOption(
    new Option('--all', 'every run of --out; with --on, whatever any run has left in that cluster, too'),
  )
  .addOption(new Option('--on <place>', 'the cluster to sweep').choices(['bare', 'kind', 'kubernetes']))
  .option('--kubeconfig <file>', 'with --on kubernetes; default as kubectl')
  .option('--context <name>', 'with --on kubernetes')
  .addOption(out())
  .addOption(json())
  .action(async (run, options) => {
    const { healCommand } = await import('./commands/heal.ts');
    process.exitCode = await healCommand(run, options);
  });

program
  .command('lint')
  .description('what is wrong with Kubernetes manifests, as far as no cluster is needed to see it')
  .argument('<paths...>', 'manifests, or folders of them (not what lies below)')
  .addOption(json())
  .action(async (paths, options) => {
    const { lintCommand } = await import('./commands/lint.ts');
    process.exitCode = await lintCommand(paths, options);
  });

program
  .command('rules')
  .description(
    'which Prometheus alerts can never fire, always fire or never resolve, as far as the text says',
  )
  .argument('<paths...>', 'rule files or PrometheusRule objects, or folders of them (not what lies below)')
  .option('--scrape-interval <duration>', 'how often targets are scraped; no rule file says it', duration)
  .option('--virtual', 'a unit test for each alert, made from its expression and played by promtool')
  .addOption(
    new Option(
      '--prometheus <url>',
      'ask this Prometheus, too: which metrics, labels and values there are',
    ).conflicts('virtual'),
  )
  .addOption(json())
  .action(async (paths, options) => {
    if (options.virtual) {
      const { rulesVirtualCommand } = await import('./commands/rules-virtual.ts');
      process.exitCode = await rulesVirtualCommand(paths, options);
      return;
    }
    const { rulesCommand } = await import('./commands/rules.ts');
    process.exitCode = await rulesCommand(paths, options);
  });

program
  .command('prune')
  .description('remove all but the newest runs')
  .option('--keep <n>', 'how many runs stay', wholeNumber, 20)
  .addOption(out())
  .addOption(json())
  .action(async (options) => {
    const { prune } = await import('./harness/prune.ts');
    const result = existsSync(options.out) ? prune(options.out, options.keep) : { removed: [], kept: [] };
    if (options.json) print(JSON.stringify(result));
    else
      print(
        [
          `removed ${result.removed.length} runs`,
          ...result.kept.map(({ run, why }) => `${run} stays: ${why}`),
        ].join('\n'),
      );
  });

program
  .command('list')
  .description('scenarios, systems with their defects, faults, checks')
  .addOption(json())
  .action(async (options) => {
    const { listing, listingText } = await import('./commands/list.ts');
    const found = await listing();
    print(options.json ? JSON.stringify(found) : listingText(found));
  });

const on = () =>
  new Option(
    '--on <cluster>',
    'bare: real Kubernetes without Docker (Linux, root); kind: Kubernetes in Docker',
  )
    .choices(['bare', 'kind'])
    .default('bare' as const);

program
  .command('up')
  .description('bring a cluster up on this machine, with metrics-server, Chaos Mesh and Prometheus')
  .addOption(on())
  .option(
    '--system <names...>',
    'whose images the nodes get, with those of its stores; <system>:<overlay> where an overlay brings another store',
    ['luminate'],
  )
  .option('--hpa-sync <duration>', 'bare: how often the HPA decides; default as Kubernetes, 15s', duration)
  .option('--hpa-tolerance <share>', 'bare: how far off its target it does nothing; default 0.1', share)
  .option(
    '--hpa-downscale-stabilization <duration>',
    'bare: how long it waits before it scales down, where the HPA says nothing; default 5m',
    duration,
  )
  .option('--metric-resolution <duration>', 'bare: how often pods are measured; default 10s', duration)
  .action(async (options) => {
    const { upCommand } = await import('./commands/cluster.ts');
    process.exitCode = await upCommand(options);
  });

program
  .command('down')
  .description('take that cluster down, whole')
  .addOption(on())
  .action(async (options) => {
    const { downCommand } = await import('./commands/cluster.ts');
    process.exitCode = await downCommand(options.on);
  });

program
  .command('doctor')
  .description('what was found where, and what is missing for which command; fetches nothing')
  .addOption(json())
  .action(async (options) => {
    const { doctor, doctorText } = await import('./commands/doctor.ts');
    const found = await doctor();
    print(options.json ? JSON.stringify(found) : doctorText(found));
    process.exitCode = found.ready ? EXIT.pass : EXIT.usage;
  });

function duration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === null)
    throw new InvalidArgumentError(`expected a duration such as 90s, 5m or 1h30m, got "${text}"`);
  if (ms > MAX_FOR_MS) throw new InvalidArgumentError(`expected at most 7d, got "${text}"`);
  return ms;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > MAX_RATE)
    throw new InvalidArgumentError(`expected a number above 0 and at most ${MAX_RATE}, got "${text}"`);
  return value;
}

function compression(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 1 || value > MAX_COMPRESSION)
    throw new InvalidArgumentError(`expected a number above 1 and at most ${MAX_COMPRESSION}, got "${text}"`);
  return value;
}

function share(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text))
    throw new InvalidArgumentError(`expected a share such as 0.1, got "${text}"`);
  return value;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw new InvalidArgumentError(`expected a whole number of 0 or more, got "${text}"`);
  return Number(text);
}

function folder(text: string): string {
  if (statSync(text, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw new InvalidArgumentError(`expected a folder, or a name for a new one, got the file "${text}"`);
  }
  return text;
}

function seed(text: string): number {
  const value = wholeNumber(text);
  if (value >= 2 ** 32) throw new InvalidArgumentError(`expected a seed of 0 to 4294967295, got "${text}"`);
  return value;
}

function runnerCount(text: string): number {
  const value = wholeNumber(text);
  if (value < 1 || value > 64) throw new InvalidArgumentError(`expected 1 to 64 runners, got "${text}"`);
  return value;
}

function journeyCount(text: string): number {
  const value = wholeNumber(text);
  if (value < 1 || value > MAX_JOURNEYS)
    throw new InvalidArgumentError(`expected 1 to ${MAX_JOURNEYS}, got "${text}"`);
  return value;
}

function port(text: string): number {
  const value = wholeNumber(text);
  if (value < 1 || value > 65_535)
    throw new InvalidArgumentError(`expected a port of 1 to 65535, got "${text}"`);
  return value;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // commander has already said what is wrong; help and version are no errors
    process.exitCode = error.exitCode === 0 ? EXIT.pass : EXIT.usage;
  } else if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXIT.usage;
  } else {
    const text = error instanceof Error ? error : new Error(String(error));
    process.stderr.write(
      `proofload crashed: ${program.opts().debug ? (text.stack ?? text.message) : text.message}\nRun it again with --debug for the stack trace.\n`,
    );
    process.exitCode = EXIT.crash;
  }
}
