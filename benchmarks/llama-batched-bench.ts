// llama.cpp's own batched benchmark, compiled from the sources that node-llama-cpp brings and linked with the libraries that it runs:
// the limit that the engine is held against.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const platform = `${process.platform}-${process.arch}`;
const binding = dirname(dirname(createRequire(import.meta.url).resolve('node-llama-cpp')));
const libraries = join(binding, '..', '@node-llama-cpp', platform, 'bins', platform);

/** Backends are plug-ins of these libraries: its own main function expects them compiled in. Nor does it wait for its log to be written. */
const main = `#include "ggml-backend.h"
#include "log.h"
int llama_batched_bench(int argc, char ** argv);
int main(int argc, char ** argv) {
  ggml_backend_load_all_from_path(argv[1]);
  argv[1] = argv[0];
  int code = llama_batched_bench(argc - 1, argv + 1);
  common_log_flush(common_log_main());
  return code;
}
`;

const works = (program: string) => spawnSync(program, ['--version']).status === 0;

/** The path of the program, made at the first call; or why there is none. */
export function buildBatchedBench(): { program: string } | { missing: string } {
  if (process.platform !== 'linux') return { missing: 'it is only compiled on Linux' };
  if (!existsSync(libraries)) return { missing: `no libraries of llama.cpp for ${platform}` };
  for (const program of ['git', 'g++']) if (!works(program)) return { missing: `it needs ${program}` };
  const { tag } = JSON.parse(readFileSync(join(binding, 'llama', 'llama.cpp.info.json'), 'utf8')) as { tag: string };
  const folder = join(tmpdir(), 'forge-bench', `llama-batched-bench-${tag}`);
  const program = join(folder, 'llama-batched-bench');
  if (existsSync(program)) return { program };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const sources = join(folder, 'llama.cpp');
  execFileSync('git', ['clone', '--quiet', join(binding, 'llama', 'gitRelease.bundle'), sources], { stdio: 'ignore' });
  writeFileSync(join(folder, 'main.cpp'), main);
  const includes = ['include', 'common', 'ggml/include', 'vendor'].map((one) => `-I${join(sources, one)}`);
  const linked = ['llama-common', `llama.${tag}`, `ggml.${tag}`, 'ggml-base'].map((one) =>
    join(libraries, `lib${one}.so`),
  );
  const code = [join(sources, 'tools/batched-bench/batched-bench.cpp'), join(folder, 'main.cpp')];
  const flags = [
    '-O2',
    '-std=c++17',
    ...includes,
    ...code,
    '-o',
    `${program}.new`,
    ...linked,
    `-Wl,-rpath,${libraries}`,
  ];
  const compiled = spawnSync('g++', flags, { encoding: 'utf8' });
  if (compiled.status !== 0) return { missing: `it does not compile: ${compiled.stderr.slice(0, 300)}` };
  renameSync(`${program}.new`, program);
  rmSync(sources, { recursive: true });
  return { program };
}

/** Tokens per second that it decodes with `batch` sequences, without choosing any (it decodes random ones). */
export function runBatchedBench(
  program: string,
  o: { model: string; batch: number; threads: number; promptTokens: number; tokens: number; contextSize: number },
): number {
  const flags = {
    '-m': o.model,
    '-c': o.contextSize * o.batch,
    '-npp': o.promptTokens,
    '-ntg': o.tokens,
    '-npl': o.batch,
    '-t': o.threads,
    '--output-format': 'jsonl',
  };
  const output = execFileSync(
    program,
    [libraries, ...Object.entries(flags).flatMap(([flag, value]) => [flag, String(value)])],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const line = output.split('\n').find((one) => one.startsWith('{'));
  if (line === undefined) throw new Error(`${program} printed no result: ${output.slice(0, 300)}`);
  return (JSON.parse(line) as { speed_tg: number }).speed_tg;
}
