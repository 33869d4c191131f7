/** What PromQL's functions make of the values they are given. */
import { type Interval, NOT_NEGATIVE } from './interval.ts';

/** Values by function, where they do not depend on the argument's. */
export const RESULTS: Record<string, Interval> = {
  absent: { lo: 1, hi: 1 },
  absent_over_time: { lo: 1, hi: 1 },
  present_over_time: { lo: 1, hi: 1 },
  count_over_time: { lo: 1, hi: Number.POSITIVE_INFINITY },
  changes: NOT_NEGATIVE,
  resets: NOT_NEGATIVE,
  abs: NOT_NEGATIVE,
  sqrt: NOT_NEGATIVE,
  time: NOT_NEGATIVE,
  timestamp: NOT_NEGATIVE,
  stddev_over_time: NOT_NEGATIVE,
  stdvar_over_time: NOT_NEGATIVE,
  sgn: { lo: -1, hi: 1 },
  histogram_fraction: { lo: 0, hi: 1 },
  minute: { lo: 0, hi: 59 },
  hour: { lo: 0, hi: 23 },
  day_of_week: { lo: 0, hi: 6 },
  day_of_month: { lo: 1, hi: 31 },
  days_in_month: { lo: 28, hi: 31 },
  day_of_year: { lo: 1, hi: 366 },
  month: { lo: 1, hi: 12 },
};
/** Of one series at a time, within its values. */
export const WITHIN = [
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'quantile_over_time',
  'last_over_time',
  'first_over_time',
  'sort',
  'sort_desc',
  'sort_by_label',
  'sort_by_label_desc',
  'label_replace',
  'label_join',
  'info',
];
export const PER_SECOND = ['rate', 'irate', 'deriv'];
export const CHANGE = ['increase', 'delta', 'idelta'];
