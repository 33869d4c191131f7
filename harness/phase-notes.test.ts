import { expect, it } from 'vitest';
import type { Event } from '../record/model.ts';
import { createPhaseNotes } from './phase-notes.ts';

const host = (at: number, k6: number): Event => ({
  at,
  kind: 'host',
  busy: 0,
  foreign: 0,
  steal: 0,
  cores: {},
  rssMb: { k6 },
  diskFreeMb: 0,
});

it('tells the length of each phase and the most memory in it', () => {
  const notes = createPhaseNotes();
  for (const event of [
    host(0, 999),
    { at: 1_000, kind: 'phase', phase: 'before' } as const,
    host(2_000, 100),
    host(3_000, 50),
    { at: 11_000, kind: 'phase', phase: 'baseline' } as const,
    { at: 12_000, kind: 'phase', phase: 'undo' } as const,
  ])
    notes.event(event);
  expect(notes.lines(12_500)).toEqual([
    'phase before took 10.0 s; peak memory: k6 100 MB',
    'phase baseline took 1.0 s; peak memory: not seen',
    'phase undo took 0.5 s; peak memory: not seen',
  ]);
});
