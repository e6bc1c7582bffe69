import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { CellUse } from '../benchmark-record.ts';

type Use = Omit<CellUse, 'wallMs'>;

/** Short peaks are seen by the kernel's own high-water marks; between them this often. */
const sampleEveryMs = 250;
const gpuTimeoutMs = 5000;

/** Bytes in use by a process (VmRSS) and the most it ever used (VmHWM); null where it is gone. */
async function memoryOf(pid: number): Promise<{ now: number; peak: number } | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => null);
  if (status === null) return null;
  const kilobytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  return { now: 1024 * kilobytes('VmRSS'), peak: 1024 * kilobytes('VmHWM') };
}

/** Processes that descend from one, itself left out. */
async function descendants(of: number): Promise<number[]> {
  const found: number[] = [];
  const queue = [of];
  while (queue.length > 0) {
    const pid = queue.pop() as number;
    // A process has its children by the thread that started them.
    const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
    for (const thread of threads) {
      const children = await readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '');
      const pids = children.split(' ').filter(Boolean).map(Number);
      found.push(...pids);
      queue.push(...pids);
    }
  }
  return found;
}

/** Peak memory of this process (what it holds more than at the start) and of those it started. Linux. */
function memoryMeter() {
  const own = process.memoryUsage.rss();
  let peak = 0;
  /** The high-water mark of each process that was started after the meter, and so has it from this cell. */
  const marks = new Map<number, number>();
  const old = new Map<number, number>();
  let begun = false;

  async function sample(): Promise<void> {
    let now = Math.max(0, process.memoryUsage.rss() - own);
    for (const pid of await descendants(process.pid)) {
      const memory = await memoryOf(pid);
      if (memory === null) continue;
      if (!begun) old.set(pid, memory.now);
      else if (!old.has(pid)) marks.set(pid, memory.peak);
      now += memory.now - (old.get(pid) ?? 0);
    }
    begun = true;
    const marked = [...marks.values()].reduce((sum, value) => sum + value, 0);
    peak = Math.max(peak, now, marked);
  }
  return { sample, peak: () => peak };
}

interface RaplZone {
  readonly name: string;
  readonly path: string;
  readonly maxMicrojoules: number;
}

/** Packages whose energy the kernel counts (https://docs.kernel.org/power/powercap/powercap.html). */
async function raplZones(): Promise<RaplZone[]> {
  const root = '/sys/class/powercap';
  const zones: RaplZone[] = [];
  for (const entry of await readdir(root).catch(() => [])) {
    // Packages only: cores and memory below them are parts of the same joules.
    if (!/^(intel|amd)-rapl:\d+$/.test(entry)) continue;
    const path = `${root}/${entry}`;
    const read = (file: string) => readFile(`${path}/${file}`, 'utf8').then((text) => text.trim());
    try {
      const [name, most] = [await read('name'), Number(await read('max_energy_range_uj'))];
      await read('energy_uj');
      zones.push({ name, path, maxMicrojoules: most });
    } catch {
      // Not readable for this user: as good as not there.
    }
  }
  return zones;
}

/** Counters wrap within minutes on a busy machine: they are read often and their growth added up. */
function raplMeter(zones: readonly RaplZone[]) {
  const last = new Map<string, number>();
  let microjoules = 0;
  return {
    async sample(): Promise<void> {
      for (const { path, maxMicrojoules } of zones) {
        const now = Number(await readFile(`${path}/energy_uj`, 'utf8').catch(() => Number.NaN));
        const before = last.get(path);
        if (!Number.isFinite(now)) continue;
        last.set(path, now);
        if (before !== undefined) microjoules += now >= before ? now - before : now + maxMicrojoules - before;
      }
    },
    joules: () => microjoules / 1e6,
  };
}

/** Watts and bytes of all GPUs together; null where there is no nvidia-smi. */
async function readGpus(): Promise<{ watts: number; bytes: number } | null> {
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      ['--query-gpu=power.draw,memory.used', '--format=csv,noheader,nounits'],
      { timeout: gpuTimeoutMs },
    );
    let [watts, bytes] = [0, 0];
    for (const line of stdout.trim().split('\n')) {
      const [power, memory] = line.split(',').map(Number);
      watts += power ?? 0;
      bytes += (memory ?? 0) * 2 ** 20;
    }
    return { watts, bytes };
  } catch {
    return null;
  }
}

/** Energy as power over time (trapezoids), and peak memory, of all GPUs of the machine. */
function gpuMeter(monotonic: () => number) {
  let last: { atMs: number; watts: number } | undefined;
  let joules = 0;
  let peak = 0;
  return {
    async sample(): Promise<void> {
      const read = await readGpus();
      if (read === null) return;
      const atMs = monotonic();
      if (last !== undefined) joules += ((last.watts + read.watts) / 2) * ((atMs - last.atMs) / 1000);
      last = { atMs, watts: read.watts };
      peak = Math.max(peak, read.bytes);
    },
    joules: () => joules,
    peak: () => peak,
  };
}

/**
 * Measures from now on what the machine gives to this process and those that it starts: memory from /proc, energy from RAPL
 * (packages) and nvidia-smi, all at a low rate. `stop` returns what was used; what this machine cannot tell is null, with a note.
 */
export async function startMeter(monotonic: () => number): Promise<{ stop(): Promise<Use> }> {
  const onLinux = (await memoryOf(process.pid)) !== null;
  const memory = memoryMeter();
  const zones = await raplZones();
  const rapl = raplMeter(zones);
  const hasGpu = (await readGpus()) !== null;
  const gpu = gpuMeter(monotonic);

  async function sample(): Promise<void> {
    await Promise.all([onLinux ? memory.sample() : undefined, rapl.sample(), hasGpu ? gpu.sample() : undefined]);
  }

  const stopping = new AbortController();
  await sample();
  const sampling = (async () => {
    while (!stopping.signal.aborted) {
      await sleep(sampleEveryMs, undefined, { signal: stopping.signal }).catch(() => {});
      await sample();
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await sampling;
      const sources = [...zones.map(({ name }) => `RAPL ${name}`), ...(hasGpu ? ['nvidia-smi'] : [])];
      const notes = [
        ...(onLinux ? [] : ['memory: only Linux tells it']),
        sources.length === 0
          ? 'energy: no readable RAPL (/sys/class/powercap) and no nvidia-smi on this machine'
          : `energy: ${sources.join(', ')}, of the whole machine`,
      ];
      return {
        peakMemoryBytes: onLinux ? memory.peak() : null,
        peakGpuMemoryBytes: hasGpu ? gpu.peak() : null,
        energyJoules: sources.length === 0 ? null : rapl.joules() + gpu.joules(),
        notes,
      };
    },
  };
}
