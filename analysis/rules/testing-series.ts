/** The same for the rules about series: how they are selected, joined, divided and put together. */

export const SERIES_CASES: Record<string, { found: string[]; silent: string[] }> = {
  'self-ratio': {
    found: [
      'rate(x_total{code="500"}[5m]) / rate(x_total[5m]) > 0.05',
      'sum by (code) (rate(x_total{code=~"5.."}[5m])) / sum by (code) (rate(x_total[5m])) > 0.05',
      '100 * increase(x_total{status="error"}[5m]) / increase(x_total[5m]) > 5',
      'x{state="bad"} / x > 0.5',
      'sum(rate(x_total[5m])) / sum(rate(x_total[5m])) > 1',
    ],
    silent: [
      'sum(rate(x_total{code="500"}[5m])) / sum(rate(x_total[5m])) > 0.05',
      'sum by (job) (rate(x_total{code="500"}[5m])) / sum by (job) (rate(x_total[5m])) > 0.05',
      'sum without (code) (rate(x_total{code="500"}[5m])) / sum without (code) (rate(x_total[5m])) > 0.05',
      'count(up == 0) / count(up) > 0.5',
      'rate(x_total[5m]) / rate(x_total[5m] offset 1d) > 2',
    ],
  },
  'histogram-no-bucket': {
    found: [
      'histogram_quantile(0.99, rate(x_seconds_sum[5m])) > 1',
      'histogram_quantile(0.99, sum by (le) (rate(x_seconds_count[5m]))) > 1',
      'histogram_quantile(0.95, sum by (le) (rate(x_seconds[5m]))) > 1',
      'histogram_quantile(0.95, process_resident_memory_bytes) > 1',
      'histogram_quantile(0.99, x_duration_ms) > 500',
    ],
    silent: [
      'histogram_quantile(0.95, sum by (job) (rate(x_seconds[5m]))) > 1',
      'histogram_quantile(0.9, sum by (le) (rate(x_seconds_bucket[5m]))) > 1',
      'histogram_quantile(0.9, job:x:rate5m) > 1',
    ],
  },
  'histogram-no-rate': {
    found: [
      'histogram_quantile(0.99, x_seconds_bucket) > 1',
      'histogram_quantile(0.9, sum by (le) (x_seconds_bucket)) > 1',
    ],
    silent: [
      'histogram_quantile(0.99, rate(x_seconds_bucket[5m])) > 1',
      'histogram_quantile(0.99, job:x_seconds_bucket:rate5m) > 1',
      'histogram_quantile(0.9, increase(x_seconds_bucket[1h])) > 1',
    ],
  },
  'histogram-no-le': {
    found: [
      'histogram_quantile(0.99, sum(rate(x_seconds_bucket[5m]))) > 1',
      'histogram_quantile(0.99, sum by (job) (rate(x_seconds_bucket[5m]))) > 1',
      'histogram_quantile(0.99, sum without (le) (rate(x_seconds_bucket[5m]))) > 1',
      'histogram_quantile(0.99, rate(x_seconds_bucket{le="0.5"}[5m])) > 1',
    ],
    silent: [
      'histogram_quantile(0.99, sum by (job, le) (rate(x_seconds_bucket[5m]))) > 1',
      'histogram_quantile(0.99, sum without (pod) (rate(x_seconds_bucket[5m]))) > 1',
    ],
  },
  'quantile-range': {
    found: [
      'histogram_quantile(95, rate(x_seconds_bucket[5m])) > 1',
      'quantile(99, x) > 1',
      'quantile_over_time(50, x[5m]) > 1',
      'histogram_quantile(-0.1, rate(x_seconds_bucket[5m])) > 1',
    ],
    silent: ['histogram_quantile(1, rate(x_seconds_bucket[5m])) > 1', 'quantile(0.5, x) > 1'],
  },
  'unit-threshold': {
    found: [
      'histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m]))) > 500',
      'rate(rpc_latency_seconds_sum[5m]) / rate(rpc_latency_seconds_count[5m]) > 250',
      'request_duration_milliseconds > 0.5',
      'process_resident_memory_bytes > 500',
      'query_duration_seconds * 1000 > 0.25',
      'max(queue_wait_seconds) > 250',
    ],
    silent: [
      'histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m]))) * 1000 > 500',
      'backup_duration_seconds > 3600',
      'time() - last_success_timestamp_seconds > 500',
      'process_resident_memory_bytes / 1024 / 1024 > 500',
      'rate(bytes_total[5m]) > 500',
      'free_bytes == 0',
    ],
  },
  'unit-mixed': {
    found: [
      'a_seconds > on (job) b_milliseconds',
      'used_bytes - on (job) waited_seconds > 0',
      'a_percent > on (job) b_ratio',
    ],
    silent: [
      'a_seconds > on (job) b_milliseconds / 1000',
      'a_bytes > on (job) b_bytes',
      'rate(process_cpu_seconds_total[5m]) > on (job) cpu_ratio',
      'a_seconds / on (job) b_milliseconds > 2',
    ],
  },
  'zero-division': {
    found: [
      'rate(jobs_failed_total[5m]) / rate(jobs_started_total[5m]) > 0.1',
      'sum(increase(order_errors_total[5m])) / sum(increase(orders_created_total[5m])) > 0.1',
      'container_memory_usage_bytes / container_spec_memory_limit_bytes > 0.9',
      'x / 0 > 1',
    ],
    silent: [
      'rate(jobs_failed_total[5m]) / (rate(jobs_started_total[5m]) > 0) > 0.1',
      'rate(jobs_failed_total[5m]) / rate(jobs_started_total[5m]) > 0.1 and rate(jobs_started_total[5m]) > 0',
      'container_memory_usage_bytes / (container_spec_memory_limit_bytes != 0) > 0.9',
      'rate(errors_total[5m]) / rate(requests_total[5m]) > 0.1',
    ],
  },
  'silent-without-traffic': {
    found: [
      'sum(rate(x_total{code="200"}[5m])) / sum(rate(x_total[5m])) < 0.99',
      'sum(increase(x_total{ok="1"}[5m])) / sum(increase(x_total[5m])) <= 0.9',
    ],
    silent: [
      'sum(rate(x_total{code="500"}[5m])) / sum(rate(x_total[5m])) > 0.01',
      'free_bytes / size_bytes < 0.1',
      '(sum(rate(x_total{code="200"}[5m])) / sum(rate(x_total[5m])) or vector(0)) < 0.99',
    ],
  },
  'matcher-status': {
    found: [
      'rate(x_total{code=~"5"}[5m]) > 1',
      'rate(x_total{status="5xx"}[5m]) > 1',
      'rate(x_total{code=~"4|5"}[5m]) > 1',
      'rate(x_total{status_code!~"2xx"}[5m]) > 1',
      'rate(x_total{response_code=~"50"}[5m]) > 1',
    ],
    silent: [
      'rate(x_total{code=~"5.."}[5m]) > 1',
      'rate(x_total{status_class="5xx"}[5m]) > 1',
      'rate(x_total{code="500"}[5m]) > 1',
      'rate(grpc_handled_total{code="5"}[5m]) > 1',
      'rate(x_total{status="error"}[5m]) > 1',
    ],
  },
  'matcher-literal': {
    found: [
      'x{code="5.."} > 1',
      'x{path="/api/.*"} > 1',
      'x{job!="a|b"} > 1',
      'x{job=~"a | b"} > 1',
      'x{job="api "} > 1',
      'x{pod="web-[0-9]+"} > 1',
    ],
    silent: [
      'x{code=~"5.."} > 1',
      'x{path="/api/v1.2"} > 1',
      'x{job=~"a|b"} > 1',
      'x{version="1.2.3"} > 1',
      'x{title="a b"} > 1',
    ],
  },
  'matcher-contradiction': {
    found: [
      'x{a="1", a="2"} > 0',
      'x{a="1", a!="1"} > 0',
      'x{a="b", a=~"c|d"} > 0',
      'x{a!~".*"} > 0',
      'x{a="", a!=""} > 0',
    ],
    silent: ['x{a=~"b.*", a!="bc"} > 0', 'x{a="b", a=~"b|c"} > 0', 'x{a="1", b="2"} > 0', 'x{a=~".+"} > 0'],
  },
  'irate-in-alert': {
    found: ['irate(x_total[5m]) > 1', 'sum(irate(x_total[5m])) > 1'],
    silent: ['rate(x_total[5m]) > 1'],
  },
  'topk-in-alert': {
    found: ['topk(3, x) > 5', 'bottomk by (job) (1, x) < 2', 'topk(1, x) / y > 3'],
    silent: ['x > 5', 'x * on (a) group_left (b) topk by (a) (1, y) > 3', 'x and topk(3, y)'],
  },
  'average-of-quantiles': {
    found: [
      'avg(x_seconds{quantile="0.99"}) > 1',
      'avg by (job) (histogram_quantile(0.9, rate(x_seconds_bucket[5m]))) > 1',
      'sum(latency_p99) > 1',
      'avg(job:latency:p95) > 2',
    ],
    silent: ['max(x_seconds{quantile="0.99"}) > 1', 'avg(x) > 1', 'sum(pod_p) > 1'],
  },
  'equality-on-float': {
    found: [
      'rate(x_total[5m]) == 1',
      'increase(x_total[5m]) == 3',
      'avg(x) != 2',
      'histogram_quantile(0.9, rate(x_seconds_bucket[5m])) == 10',
    ],
    silent: [
      'rate(x_total[5m]) == 0',
      'avg(up) == 1',
      'avg(up) != 1',
      'x == 3',
      'sum(rate(x_total[5m])) != 0',
    ],
  },
  'label-not-there': {
    found: [
      'sum by (instance) (sum by (job) (x)) > 1',
      'max by (le) (histogram_quantile(0.9, rate(x_seconds_bucket[5m]))) > 1',
      'x * on (a) group_left (b) sum by (a) (y) > 1',
      'sum by (job) (sum without (job) (x)) > 1',
    ],
    silent: [
      'sum by (job) (sum by (job, instance) (x)) > 1',
      'x * on (a) group_left (b) max by (a, b) (y) > 1',
      'sum by (b) (x * on (a) group_left (b) y) > 1',
      'sum by (v) (count_values by (a) ("v", x)) > 1',
    ],
  },
  'rare-events-per-second': {
    found: [
      'rate(pod_restarts_total[5m]) > 3',
      'sum by (job) (rate(panics_total[10m])) >= 1',
      'rate(leader_changes_total[1h]) > 2',
    ],
    silent: [
      'increase(pod_restarts_total[5m]) > 3',
      'rate(pod_restarts_total[5m]) > 0',
      'rate(requests_total[5m]) > 100',
      'rate(restarts_total[15m]) * 60 * 5 > 1',
    ],
  },
};
