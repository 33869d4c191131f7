/**
 * How a Prometheus in a cluster turns pods into targets: those that ask for it by annotation, as job `pods` with the labels namespace, pod,
 * node and app. Rules are written for these labels, so every Prometheus here gives the same; platforms/addons/prometheus.yaml has them as YAML.
 */

const ANNOTATION = '__meta_kubernetes_pod_annotation_prometheus_io';

const label = (meta: string, target: string) => ({
  source_labels: [`__meta_kubernetes_${meta}`],
  target_label: target,
});

/** `relabel_configs` of a scrape job with `kubernetes_sd_configs`, role pod. */
export const POD_RELABELLING = [
  { source_labels: [`${ANNOTATION}_scrape`], action: 'keep', regex: 'true' },
  { source_labels: ['__meta_kubernetes_pod_phase'], action: 'keep', regex: 'Running' },
  {
    source_labels: [`${ANNOTATION}_path`],
    action: 'replace',
    regex: '(.+)',
    target_label: '__metrics_path__',
  },
  // One target a pod, whatever ports its containers name.
  {
    source_labels: ['__meta_kubernetes_pod_ip', `${ANNOTATION}_port`],
    action: 'replace',
    regex: '(.+);(\\d+)',
    replacement: '$1:$2',
    target_label: '__address__',
  },
  label('namespace', 'namespace'),
  label('pod_name', 'pod'),
  label('pod_node_name', 'node'),
  label('pod_label_app', 'app'),
];
