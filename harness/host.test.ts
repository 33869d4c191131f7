import { spawn } from 'node:child_process';
import os from 'node:os';
import { describe, expect, it } from 'vitest';
import { type HostSample, hostSampler } from './host.ts';

/** Samples until `seen` says yes; bounded by the test's own timeout. */
async function until(
  groups: Record<string, number[]>,
  seen: (sample: HostSample) => boolean,
): Promise<HostSample> {
  const sample = hostSampler([os.tmpdir()]);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const now = sample(groups);
    if (now && seen(now)) return now;
  }
}

describe.runIf(os.platform() === 'linux')('hostSampler', () => {
  const burn = () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });

  it('charges a burner to its group, by its pid', async () => {
    const burner = burn();
    const seen = await until({ pods: [burner.pid ?? 0] }, (sample) => (sample.cores['pods'] ?? 0) > 0.2);
    burner.kill('SIGKILL');
    expect(seen.rssMb['pods']).toBeGreaterThan(10);
    expect(seen.diskFreeMb).toBeGreaterThan(0);
  });

  it('takes CPU time and memory of a group that is counted as a whole as they are', () => {
    const sample = hostSampler([os.tmpdir()]);
    expect(sample({ pods: { cpuSeconds: 5, rssMb: 60 } })).toMatchObject({
      cores: { pods: 0 },
      rssMb: { pods: 60 },
    });
    const seen = sample({ pods: { cpuSeconds: 6, rssMb: 70 } });
    expect(seen?.cores['pods']).toBeGreaterThan(1); // a second of it, in less than one
    expect(seen?.rssMb['pods']).toBe(70);
  });

  it('calls a burner that nobody named foreign', async () => {
    const burner = burn();
    const seen = await until({}, (sample) => sample.foreign > 0.1);
    burner.kill('SIGKILL');
    expect(seen.busy).toBeGreaterThanOrEqual(seen.foreign * 0.9);
  });

  it('charges a child to the group of its nearest named ancestor', async () => {
    const parent = spawn(
      process.execPath,
      [
        '-e',
        'require("child_process").spawn(process.execPath, ["-e", "for (const end = Date.now() + 60000; Date.now() < end; );"], { stdio: "ignore" }); setInterval(() => {}, 1000)',
      ],
      { stdio: 'ignore', detached: true },
    );
    await until(
      { supervisor: [process.pid], store: [parent.pid ?? 0] },
      (sample) => (sample.cores['store'] ?? 0) > 0.2,
    );
    process.kill(-(parent.pid ?? 0), 'SIGKILL');
  });
});
