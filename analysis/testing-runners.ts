/** For tests: the healthy minute of testing.ts, its writes dealt out to several runners in turn, as k6 does it with segments. */
import { formatLedgerLine } from '../record/ledger.ts';
import type { Event } from '../record/model.ts';
import type { RunRecord } from '../record/reader.ts';
import { scanLedger } from './ledger-scan.ts';
import { fileOf, RATE_PER_S, recordOf, type Story } from './testing.ts';

export interface RunnersStory extends Pick<Story, 'events' | 'edit' | 'faults' | 'write'> {
  count: number;
  /** Each runner begins this much after the one before it, ms. */
  staggerMs?: number;
  /** A runner's ledger, changed; null = it is gone. */
  ledger?: (runner: string, text: string) => string | null;
}

export function runnersRecord({ count, staggerMs = 0, ledger, edit, ...story }: RunnersStory): RunRecord {
  const { plan, events, logs, ...rest } = recordOf({ ...story, edit: (event) => event });
  const names = Array.from({ length: count }, (_, index) => `load-${index + 1}`);
  const lines = names.map((): string[] => []);
  let index = 0;
  for (const file of logs)
    scanLedger(file.chunks(), (line) => {
      const own = lines[index % count] ?? [];
      // One virtual user each: the numbers of the whole test are dealt out, too.
      own.push(formatLedgerLine({ ...line, vu: (index % count) + 1, n: own.length + 1 }));
      index += 1;
    });
  const split = (event: Event): Event[] => {
    if (event.kind === 'readback') return [{ ...event, runners: names }];
    if (event.kind === 'load.started')
      return names.map((runner, i) => ({
        ...event,
        runner,
        ratePerS: RATE_PER_S / count,
        wallMs: event.wallMs + i * staggerMs,
      }));
    if (event.kind !== 'load.ended') return [event];
    return names.map((runner, i) => ({
      ...event,
      at: event.at + i * staggerMs,
      runner,
      iterations: lines[i]?.length ?? 0,
      dropped: 0,
    }));
  };
  const change = edit ?? ((event: Event) => event);
  return {
    ...rest,
    plan: { ...plan, runners: { count, kind: 'job' } },
    events: events.flatMap(split).flatMap((event) => change(event) ?? []),
    logs: names.flatMap((runner, i) => {
      const text = (ledger ?? ((_, same) => same))(
        runner,
        (lines[i] ?? []).map((line) => `${line}\n`).join(''),
      );
      return text === null ? [] : [fileOf(runner, text)];
    }),
    stored: names.map((runner, i) => fileOf(runner, `${i + 1}:1-${lines[i]?.length ?? 0}\nend\n`)),
  };
}
