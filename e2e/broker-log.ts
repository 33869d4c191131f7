/**
 * Which writes are in the log of each broker of the bare cluster: its files as Kafka's own DumpLogSegments prints them. The read-back asks
 * ClickHouse, and Kafka over the network; of this it uses nothing.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, linkSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { VOLUMES } from '../platforms/bare/layout.ts';
import { javaRuntime, kafkaJars } from '../platforms/images/kafka-parts.ts';
import { identityOf } from '../systems/event-pipeline/identity.ts';

const PARTITION = /^events-\d+$/;
const PAYLOAD = / payload: (\{.*)$/;
const Event = z.looseObject({ uuid: z.unknown(), distinct_id: z.unknown() });
/** One event alone, or several in a batch. */
const Payload = z.looseObject({ project_id: z.string(), batch: z.array(Event).optional() });

/** Gives every file of the topic `events` a second name in `folder/<volume>`: the volumes go with their pods. What is added or cut shows there, too. */
export function keepBrokerLogs(folder: string): void {
  for (const volume of readdirSync(VOLUMES)) {
    const data = path.join(VOLUMES, volume, 'data');
    for (const partition of existsSync(data)
      ? readdirSync(data).filter((name) => PARTITION.test(name))
      : []) {
      const kept = path.join(folder, volume, partition);
      mkdirSync(kept, { recursive: true });
      for (const name of readdirSync(path.join(data, partition)).filter((file) => file.endsWith('.log')))
        if (!existsSync(path.join(kept, name)))
          linkSync(path.join(data, partition, name), path.join(kept, name));
    }
  }
}

/** What was kept in `folder`: for each broker with anything of that run the writes that it has whole, as `<runner> <vu> <n>`. */
export async function writesInLogs(folder: string, runId: string): Promise<Set<string>[]> {
  const signal = AbortSignal.timeout(120_000);
  const onProgress = (line: string) => process.stderr.write(`${line}\n`);
  const java = path.join(await javaRuntime({ signal, onProgress }), 'bin/java');
  const jars = path.join(await kafkaJars({ signal, onProgress }), '*');
  const found: Set<string>[] = [];
  for (const volume of readdirSync(folder)) {
    const files = readdirSync(path.join(folder, volume), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.log'))
      .map((file) => path.join(folder, volume, file));
    const dump = spawn(
      java,
      ['-cp', jars, 'kafka.tools.DumpLogSegments', '--print-data-log', '--files', files.join(',')],
      { stdio: ['ignore', 'pipe', 'ignore'], signal },
    );
    const ended = once(dump, 'close');
    const writes = await writesInDump(createInterface(dump.stdout), runId);
    const [code] = await ended;
    if (code !== 0) throw new Error(`DumpLogSegments ended with ${String(code)} for ${files.join(', ')}`);
    if (writes.size > 0) found.push(writes);
  }
  return found;
}

/** Writes of which every event was printed; a line is a record or says something of the file. */
export async function writesInDump(
  lines: AsyncIterable<string> | Iterable<string>,
  runId: string,
): Promise<Set<string>> {
  const left = new Map<string, Set<number>>();
  for await (const line of lines) {
    const text = PAYLOAD.exec(line)?.[1];
    if (text === undefined) continue;
    const { project_id: of, batch, ...alone } = Payload.parse(JSON.parse(text));
    if (of !== runId) continue;
    for (const { uuid, distinct_id: distinctId } of batch ?? [Event.parse(alone)]) {
      const identity = identityOf(uuid, distinctId);
      if (identity === null) throw new Error(`an event of ${runId} has no identity: ${JSON.stringify(uuid)}`);
      const { runner, vu, n, point, points } = identity;
      const id = `${runner} ${vu} ${n}`;
      const missing = left.get(id) ?? new Set(Array.from({ length: points }, (_, index) => index));
      missing.delete(point);
      left.set(id, missing);
    }
  }
  return new Set([...left].flatMap(([id, missing]) => (missing.size === 0 ? [id] : [])));
}
