/** For the tests of this folder: costs of a told run, by name. */
import { type Story, viewOf } from '../testing.ts';
import { faultCosts } from './costs.ts';

interface Told {
  /** The value of a figure; undefined = there is none of this name. */
  figure: (name: string) => number | null | undefined;
  /** All that the row of a fault says, in one line. */
  row: (fault: string) => string;
}

export function costsOf(story: Story, alertsFiringMs?: readonly number[]): Told {
  const { rows, figures } = faultCosts(viewOf(story), alertsFiringMs);
  return {
    figure: (name) => figures.find((figure) => figure.name === name)?.value,
    row: (fault) =>
      rows
        .filter((row) => row.fault === fault)
        .flatMap(({ data, time, service }) => [...data, ...time, ...service])
        .join('; '),
  };
}
