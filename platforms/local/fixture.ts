/** For tests: a small system in a temporary folder, with a server whose behaviour its environment switches. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { ROOT } from '../../record/root.ts';
import type { Emit, UndoAction, UndoJournal } from '../platform.ts';
import type { BuiltFile } from '../manifests/contract.ts';

/** Ready while its store link answers; /ready and /health can be switched by GET /set?ready=0&health=0, and /set?burn=30 burns 30 ms of each 100 ms of CPU. */
const SERVER = `
import http from 'node:http';
import net from 'node:net';
const [host, port] = process.env.LISTEN.split(':');
const store = new URL(process.env.STORE_URL);
const state = { ready: 1, health: 1, burn: 0 };
setInterval(() => { const until = Date.now() + state.burn; while (Date.now() < until); }, 100).unref();
if (process.env.MODE === 'crash') { console.log('the fixture gives up'); process.exit(7); }
if (process.env.MODE === 'deaf') process.on('SIGTERM', () => console.log('SIGTERM ignored'));
else process.on('SIGTERM', () => server.close(() => process.exit(0)));
const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://pod');
  for (const [key, value] of url.searchParams) state[key] = Number(value);
  if (url.pathname === '/env') return response.end(JSON.stringify(process.env));
  if (url.pathname === '/ready') { response.statusCode = state.ready ? 200 : 503; return response.end(); }
  if (url.pathname === '/health') { response.statusCode = state.health ? 200 : 500; return response.end(); }
  if (url.pathname === '/store') {
    const link = net.connect(Number(store.port), store.hostname, () => link.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])));
    link.once('data', (data) => { response.end(String(data)); link.destroy(); });
    link.on('error', (error) => { response.statusCode = 502; response.end(error.code); });
    return;
  }
  response.end(process.env.POD_NAME);
});
server.keepAliveTimeout = 60_000;
server.listen(Number(port), host);
`;

const CONTRACT = `export const contract = { containers: ['app'], stores: { STORE_URL: { kind: 'postgres' } },
  local: { containers: { app: { entry: 'reference/server.ts' } } } };`;

export const MANIFEST = `apiVersion: v1
kind: ConfigMap
metadata: { name: tiny-config }
data: { LEVEL: info }
---
apiVersion: v1
kind: Secret
metadata: { name: tiny-secret }
data: { token: czNjcmV0 }
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: tiny
spec:
  replicas: 3
  selector:
    matchLabels: { app: tiny }
  strategy:
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }
  template:
    metadata:
      labels: { app: tiny, version: v1 }
    spec:
      terminationGracePeriodSeconds: 3
      affinity: { podAntiAffinity: {} }
      containers:
        - name: app
          image: tiny:1
          ports: [{ name: http, containerPort: 8080 }]
          env:
            - { name: TOKEN, valueFrom: { secretKeyRef: { name: tiny-secret, key: token } } }
            - { name: GREETING, value: "$(TOKEN) at $(LEVEL), $$(TOKEN)" }
            - { name: POD_IP, valueFrom: { fieldRef: { fieldPath: status.podIP } } }
          envFrom: [{ configMapRef: { name: tiny-config } }]
          resources: { limits: { cpu: "1" } }
          readinessProbe:
            httpGet: { path: /ready, port: http }
            periodSeconds: 1
            failureThreshold: 1
          livenessProbe:
            httpGet: { path: /health, port: 8080 }
            periodSeconds: 1
            failureThreshold: 2
          lifecycle:
            preStop: { exec: { command: ["sh", "-c", "sleep 1"] } }
---
apiVersion: v1
kind: Service
metadata: { name: tiny-svc }
spec:
  selector: { app: tiny }
  ports: [{ port: 80, targetPort: http }]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: tiny-hpa }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: tiny }
  minReplicas: 3
  maxReplicas: 10
`;

const CHAOS: Record<string, string> = {
  'pod-kill': `apiVersion: chaos-mesh.org/v1alpha1
kind: PodChaos
metadata: { name: pod-kill }
spec: { action: pod-kill, mode: one, selector: { labelSelectors: { app: tiny } } }
`,
  'store-partition': `apiVersion: chaos-mesh.org/v1alpha1
kind: NetworkChaos
metadata: { name: store-partition }
spec:
  action: partition
  mode: fixed
  value: "2"
  direction: both
  selector: { labelSelectors: { app: tiny } }
  target: { mode: all, selector: { labelSelectors: { app: store } } }
`,
  'store-delay': `apiVersion: chaos-mesh.org/v1alpha1
kind: NetworkChaos
metadata: { name: store-delay }
spec:
  action: delay
  mode: all
  delay: { latency: 80ms, jitter: 5ms }
  selector: { labelSelectors: { app: tiny } }
  target: { mode: all, selector: { labelSelectors: { app: store } } }
`,
  timed: `apiVersion: chaos-mesh.org/v1alpha1
kind: NetworkChaos
metadata: { name: timed }
spec:
  action: partition
  mode: all
  duration: 1m30s
  selector: { labelSelectors: { app: tiny } }
  target: { mode: all, selector: { labelSelectors: { app: store } } }
`,
};

export interface Fixture {
  dir: string;
  systemDir: string;
  chaosDir: string;
  evidenceDir: string;
  built: BuiltFile;
  /** Writes a file below the system's folder. */
  write(file: string, text: string): void;
  remove(): void;
}

/** A system folder with manifests, contract, server and faults, and the network process built beside it. */
export async function makeFixture(): Promise<Fixture> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-test-'));
  const systemDir = path.join(dir, 'tiny');
  const fixture: Fixture = {
    dir,
    systemDir,
    chaosDir: path.join(dir, 'chaos'),
    evidenceDir: path.join(dir, 'evidence'),
    built: (source) =>
      source.startsWith('platforms')
        ? path.join(dir, 'network.js')
        : path.resolve(ROOT, source).replace(/\.ts$/, '.js'),
    write(file, text) {
      const full = path.join(systemDir, file);
      mkdirSync(path.dirname(full), { recursive: true });
      writeFileSync(full, text);
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
  mkdirSync(fixture.evidenceDir);
  mkdirSync(fixture.chaosDir);
  writeFileSync(path.join(dir, 'package.json'), '{"type":"module"}');
  fixture.write('manifests/tiny.yaml', MANIFEST);
  fixture.write('contract.js', CONTRACT);
  fixture.write('reference/server.js', SERVER);
  for (const [name, text] of Object.entries(CHAOS))
    writeFileSync(path.join(fixture.chaosDir, `${name}.yaml`), text);
  await build({
    entryPoints: [path.join(ROOT, 'platforms/local/network/main.ts')],
    outfile: path.join(dir, 'network.js'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
  });
  return fixture;
}

/** A journal that only remembers: what is open, and everything that was ever begun. */
export function memoryJournal(): UndoJournal & { open: Map<number, UndoAction>; all: UndoAction[] } {
  const open = new Map<number, UndoAction>();
  const all: UndoAction[] = [];
  let next = 1;
  return {
    open,
    all,
    intent(action) {
      open.set(next, action);
      all.push(action);
      return next++;
    },
    acted(id, action) {
      open.set(id, action);
      all.push(action);
    },
    done: (id) => void open.delete(id),
  };
}

/** A history in memory. */
export function memoryHistory(): { events: Parameters<Emit>[0][]; emit: Emit } {
  const events: Parameters<Emit>[0][] = [];
  return { events, emit: (event) => void events.push(event) };
}

/** Resolves when the condition holds; rejects after ten seconds with what was waited for. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`waited 10 s for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
