/** Certificates and kubeconfigs of the cluster's parts. Elliptic curve P-256: a key takes milliseconds. They live as long as the cluster. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { $ } from 'zx';
import { API_PORT, API_SERVICE, CONTEXT, KUBECONFIG, NODE_A, NODES, PKI } from './layout.ts';

interface Leaf {
  name: string;
  /** `/O=.../CN=...` */
  subject: string;
  /** subjectAltName of openssl: `DNS:x,IP:y` */
  names?: string;
  ca?: 'ca' | 'front-proxy-ca';
  kubeconfig?: true;
}

const LEAVES: readonly Leaf[] = [
  {
    name: 'apiserver',
    subject: '/CN=kube-apiserver',
    names: `DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:${NODE_A.address},IP:${API_SERVICE}`,
  },
  { name: 'apiserver-kubelet-client', subject: '/O=system:masters/CN=apiserver-kubelet-client' },
  { name: 'admin', subject: '/O=system:masters/CN=admin', kubeconfig: true },
  { name: 'front-proxy-client', subject: '/CN=front-proxy-client', ca: 'front-proxy-ca' },
  { name: 'kcm', subject: '/CN=system:kube-controller-manager', kubeconfig: true },
  { name: 'scheduler', subject: '/CN=system:kube-scheduler', kubeconfig: true },
  { name: 'proxy', subject: '/CN=system:kube-proxy', kubeconfig: true },
  { name: 'metrics-server', subject: '/CN=proofload:metrics-server', kubeconfig: true },
  {
    name: 'tls',
    subject: '/CN=chaos-mesh-controller-manager',
    names: `DNS:chaos-mesh-controller-manager.chaos-mesh.svc,IP:${NODE_A.address}`,
  },
  ...NODES.map((node): Leaf => ({
    name: `kubelet-${node.name}`,
    subject: `/O=system:nodes/CN=system:node:${node.name}`,
    names: `DNS:${node.name},IP:${node.address}`,
    kubeconfig: true,
  })),
];

const DAYS = 3_650;

/** Makes all of them in PKI, and the kubeconfig for people in KUBECONFIG. */
export async function makeCertificates(): Promise<void> {
  mkdirSync(PKI, { recursive: true, mode: 0o700 });
  const run = $({ cwd: PKI, quiet: true, timeout: '60s' });
  const key = (file: string) =>
    run`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ${file} && chmod 600 ${file}`;
  await Promise.all(
    ['ca', 'front-proxy-ca'].map(async (name) => {
      await key(`${name}.key`);
      await run`openssl req -x509 -new -key ${name}.key -subj ${`/CN=${name}`} -days ${DAYS} -out ${name}.crt`;
    }),
  );
  await key('sa.key');
  await run`openssl pkey -in sa.key -pubout -out sa.pub`;
  await Promise.all(
    LEAVES.map(async ({ name, subject, names, ca = 'ca' }) => {
      await key(`${name}.key`);
      const extensions = [
        'basicConstraints=CA:FALSE',
        'keyUsage=digitalSignature,keyEncipherment',
        'extendedKeyUsage=clientAuth,serverAuth',
        ...(names === undefined ? [] : [`subjectAltName=${names}`]),
      ];
      writeFileSync(path.join(PKI, `${name}.ext`), extensions.join('\n'));
      await run`openssl req -new -key ${name}.key -subj ${subject} -out ${name}.csr`;
      // A random serial instead of a counter in a file: they are signed side by side.
      const serial = `0x${crypto.getRandomValues(Buffer.alloc(8)).toString('hex')}`;
      await run`openssl x509 -req -in ${name}.csr -CA ${ca}.crt -CAkey ${ca}.key -set_serial ${serial} -days ${DAYS} -extfile ${name}.ext -out ${name}.crt`;
    }),
  );
  const inside = `https://${NODE_A.address}:${API_PORT}`;
  for (const { name, kubeconfig } of LEAVES)
    if (kubeconfig)
      writeFileSync(path.join(PKI, `${name}.conf`), kubeconfigText(name, inside), { mode: 0o600 });
  writeFileSync(KUBECONFIG, kubeconfigText('admin', `https://127.0.0.1:${API_PORT}`), { mode: 0o600 });
}

function kubeconfigText(user: string, server: string): string {
  const data = (file: string) => readFileSync(path.join(PKI, file)).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: CONTEXT, cluster: { server, 'certificate-authority-data': data('ca.crt') } }],
    users: [
      {
        name: user,
        user: { 'client-certificate-data': data(`${user}.crt`), 'client-key-data': data(`${user}.key`) },
      },
    ],
    contexts: [{ name: CONTEXT, context: { cluster: CONTEXT, user } }],
    'current-context': CONTEXT,
  });
}
