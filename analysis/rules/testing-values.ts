/** Expressions of alerts in which each rule about values finds something, and in which it does not. */

export const VALUE_CASES: Record<string, { found: string[]; silent: string[] }> = {
  'expression-invalid': {
    found: [
      'rate(x_total) > 1',
      'sum(rate(x_total[5m]) > 1',
      'rate(sum(x_total)[5m]) > 1',
      'histgram_quantile(0.9, rate(x_bucket[5m])) > 1',
      'x{job=~"foo\\.bar"} > 1',
      'x{job=~"*"} > 1',
      '5 > 3',
      'x[5m]',
      'x and 3',
      '{job=~".*"} > 0',
      'x offset 5 > 3 > > 2',
      'clamp(x, 1) > 0',
      'sum by (a) (x) / on (a) group_left (a) y > 0',
    ],
    silent: [
      'rate(x_total[1h30m] offset 1d @ end()) > 0',
      '{__name__=~"a|b"} > 0',
      'x{job=~`foo\\.bar`} > 0 # why',
    ],
  },
  'no-comparison': {
    found: [
      'rate(errors_total[5m])',
      'sum by (job) (up)',
      'a_total / b_total',
      'queue_length and on (job) up',
      'x or vector(0)',
    ],
    silent: [
      'vector(1)',
      'absent(up)',
      'x unless y',
      'ALERTS{alertstate="firing"}',
      'job:errors:bool',
      'sum(x > 1)',
      'x and y > 0',
    ],
  },
  'bool-at-top': {
    found: ['x > bool 5', 'sum(x == bool 0)', '(x > bool 1) * (y > bool 1)', 'x > bool 5 and y > 1'],
    silent: ['sum(up == bool 0) > 1', '(x > bool 1) == 1', 'x > 5'],
  },
  'never-true': {
    found: [
      'count(up == 0) == 0',
      'count by (job) (up == 1) < 1',
      'rate(x_total[5m]) < 0',
      'up > 1',
      'absent(up{job="a"}) == 0',
      'sum(increase(x_total[5m])) < 0',
      'hour() > 24',
      '100 * (sum(rate(x_total{code="500"}[5m])) / sum(rate(x_total[5m]))) > 150',
    ],
    silent: [
      'count(up == 0) > 1',
      '(count(up == 0) or vector(0)) == 0',
      'rate(x_total[5m]) <= 0',
      'up < 1',
      'delta(x[5m]) < 0',
    ],
  },
  'always-true': {
    found: ['rate(x_total[5m]) >= 0', 'up < 2', 'count(up) > 0 and up >= 0', 'x_total > -1'],
    silent: [
      'absent(up) == 1',
      'rate(x_total[5m]) > 0',
      'x - y >= 0',
      'present_over_time(x[1h]) == 1',
      'rate(x_total[5m]) <= 0',
    ],
  },
  'ratio-threshold': {
    found: [
      'sum(rate(x_total{code=~"5.."}[5m])) / sum(rate(x_total[5m])) > 5',
      '1 - sum(rate(x_total{code="200"}[5m])) / sum(rate(x_total[5m])) > 1',
      'avg by (job) (up) < 50',
      'rate(jobs_failed_total[5m]) / rate(jobs_total[5m]) > 5',
      'cache_hit_ratio < 90',
      'node_filesystem_avail_bytes / node_filesystem_size_bytes < 10',
      'count(up == 0) / count(up) > 20',
      'avg_over_time(probe_success[10m]) < 99.5',
    ],
    silent: [
      '100 * sum(rate(x_total{code=~"5.."}[5m])) / sum(rate(x_total[5m])) > 5',
      'node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.1',
      'kube_requests / kube_allocatable > 1.5',
      'overcommit_ratio > 1.5',
      'up < 1',
    ],
  },
  'counter-threshold': {
    found: [
      'errors_total > 10',
      'sum by (job) (errors_total) > 0',
      'restarts_total * 2 >= 5',
      'errors_total / requests_total > 0.1',
      'max(http_request_duration_seconds_count) > 100',
    ],
    silent: [
      'increase(errors_total[5m]) > 10',
      'errors_total - errors_total offset 5m > 10',
      'errors_total == 0',
      'errors_total > 0 and increase(errors_total[5m]) > 0',
      'jvm_threads_count > 100',
      'node_memory_MemTotal_bytes > 1e9',
    ],
  },
  'rate-of-gauge': {
    found: [
      'rate(node_memory_MemAvailable_bytes[5m]) > 0',
      'increase(process_resident_memory_bytes[1h]) > 1e8',
      'irate(queue_length[5m]) > 0',
      'rate(up[5m]) > 0',
      'rate(http_requests_in_flight[5m]) > 1',
    ],
    silent: [
      'rate(http_request_duration_seconds[5m]) > 1',
      'deriv(queue_length[5m]) > 0',
      'rate(node_vmstat_pgmajfault[5m]) > 1',
      'rate(container_network_receive_bytes_total[5m]) > 1e6',
    ],
  },
  'delta-of-counter': {
    found: [
      'delta(errors_total[5m]) > 0',
      'deriv(requests_total[10m]) > 1',
      'predict_linear(bytes_total[1h], 3600) > 1e9',
      'idelta(errors_total[5m]) > 1',
    ],
    silent: ['delta(temperature_celsius[5m]) > 5', 'increase(errors_total[5m]) > 0'],
  },
  'rate-of-aggregate': {
    found: [
      'rate(sum(errors_total)[5m:30s]) > 1',
      'increase(sum by (job) (errors_total)[1h:]) > 5',
      'rate(rate(x_total[5m])[10m:]) > 0',
    ],
    silent: [
      'max_over_time(sum(rate(errors_total[5m]))[1h:]) > 1',
      'sum(rate(errors_total[5m])) > 1',
      'increase(max(changes_total)[15m:1m]) > 3',
    ],
  },
  'changes-misuse': {
    found: [
      'changes(errors_total[5m]) > 5',
      'changes(http_request_duration_seconds_count[5m]) > 1',
      'resets(queue_length[1h]) > 3',
    ],
    silent: [
      'changes(process_start_time_seconds[15m]) > 2',
      'changes(up[15m]) > 2',
      'resets(errors_total[1h]) > 3',
    ],
  },
  'window-too-short': {
    found: ['rate(x_total[15s]) > 1', 'increase(x_total[10s]) > 0', 'deriv(x[20s]) > 0'],
    silent: ['rate(x_total[1m]) > 1', 'max_over_time(x[10s]) > 1', 'rate(x_total[5m:10s]) > 1'],
  },
  'window-tight': {
    found: ['rate(x_total[30s]) > 1', 'delta(x[45s]) > 1'],
    silent: ['rate(x_total[1m]) > 1', 'rate(x_total[20s]) > 1'],
  },
  'join-label': {
    found: [
      'sum by (a, b) (rate(x_total[5m])) / sum by (a) (rate(y_total[5m])) > 1',
      'sum by (a) (x) > sum by (b) (y)',
      'x > 5 and sum by (job) (y) > 3',
      'up == 0 unless sum(maintenance)',
      'x{mode="idle"} / x{mode="user"} > 2',
      'sum by (job) (x) * on (instance) y > 1',
      'sum by (job) (rate(x_total[5m])) / vector(5) > 1',
      'up == 0 and on (instance) sum by (job) (y) > 1',
      'histogram_quantile(0.9, sum by (le, route) (rate(x_seconds_bucket[5m]))) > sum by (le, route) (limit)',
    ],
    silent: [
      'sum by (a) (x) / sum by (a) (y) > 1',
      'sum by (a, b) (x) / on (a) group_left () sum by (a) (y) > 1',
      'x > 5 and on (job) sum by (job) (y) > 3',
      'up == 0 unless on () sum(maintenance) > 0',
      'x{mode="idle"} / ignoring (mode) x{mode="user"} > 2',
      'sum by (job) (x) / scalar(sum(y)) > 1',
      'job:x:sum > sum by (job) (y)',
      'sum(x{a="1"}) / sum(x{a="2"}) > 1',
      'sum by (a) (x) or sum by (b) (y) > 1',
    ],
  },
  'join-many': {
    found: [
      'sum by (a, b) (x) / on (a) sum by (a) (y) > 1',
      'sum by (a) (x) * on (a) group_left () sum by (a, b) (y) > 1',
      'rate(x_total{code="500"}[5m]) / ignoring (code) rate(x_total[5m]) > 0.1',
      'sum by (a) (x) / on (a) group_right () sum by (a) (y) > on (a) sum by (a, c) (z)',
    ],
    silent: [
      'sum by (a, b) (x) / on (a) group_left () sum by (a) (y) > 1',
      'sum by (a) (x) and on (a) sum by (a, b) (y) > 1',
      'rate(x_total{code="500"}[5m]) / ignoring (code) rate(x_total{code="200"}[5m]) > 0.1',
      'x * on (a) group_left (b) topk by (a) (1, max by (a, b) (y)) > 1',
    ],
  },
};
