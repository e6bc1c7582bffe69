import { type Command, Option } from 'commander';
import { json, limit, logFormat, logLevel, positiveInteger } from './program-options.ts';

/** Models that are trained, and engines that are benchmarked. */
export function addTrainingCommands(program: Command): void {
  program
    .command('train')
    .description('train a model as a file says, and measure it before and after')
    .argument('[file]', 'training, e.g. experiments/dpo-lab.yaml')
    .option('--resume [training]', 'go on with a training that was stopped: id, its first characters, or the latest')
    .addOption(json())
    .addOption(logFormat())
    .addOption(logLevel())
    .action(async (file, options) => (await import('./train-command.ts')).train(file, options));

  program
    .command('trainings')
    .description('list stored trainings')
    .option('--after <cursor>', 'next page, as the last one printed it')
    .addOption(limit(20))
    .addOption(json())
    .action(async (options) => (await import('./train-command.ts')).trainings(options));

  program
    .command('pairs')
    .description('turn right and wrong answers of an experiment into preference pairs to train on')
    .argument('<experiment>', 'id or its first characters')
    .option('--chosen <variant>', 'only right answers of this variant are chosen')
    .option('--rejected <variant>', 'only wrong answers of this variant are rejected')
    .option('--metric <name>', 'tells right (1) from wrong (less); default: the deciding metric')
    .option('--prompt-of <variant>', 'whose prompt the pairs have; default: that of the wrong answer')
    .option('--per-example <n>', 'pairs of one example at most', positiveInteger, 4)
    .option('--limit <n>', 'pairs at most', positiveInteger)
    .option('--output <file>', 'file to write', 'pairs.jsonl')
    .addOption(json())
    .action(async (id, options) => (await import('./pairs-command.ts')).pairs(id, options));

  program
    .command('push')
    .description('upload a trained adapter or model to the Hugging Face Hub (HF_TOKEN); private unless told otherwise')
    .argument('<folder>', 'with adapter_config.json or config.json, and README.md as its model card')
    .requiredOption('--repo <owner/name>', 'repository, made where it is new')
    .option('--public', 'everyone may see it')
    .option('--message <text>', 'of the commit')
    .addOption(json())
    .action(async (folder, options) => (await import('./push-command.ts')).push(folder, options));

  program
    .command('convert')
    .description('write a model folder (config.json, *.safetensors, tokenizer.json) as GGUF for llama.cpp')
    .argument('<model>', 'folder, or hf:owner/repo')
    .argument('<output>', 'file to write, e.g. model-q8_0.gguf')
    .addOption(
      new Option('--type <type>', 'of the matrices').choices(['f32', 'f16', 'bf16', 'q8_0', 'q4_0']).default('f16'),
    )
    .option('--adapter <folder>', 'PEFT adapter to merge into it')
    .action(async (model, output, options) => (await import('./convert-command.ts')).convert(model, output, options));

  program
    .command('bench')
    .description('measure methods with optimisations: speed, price, and whether the answers stayed the same')
    .argument('[file]', 'benchmark, e.g. experiments/bench-lab.yaml')
    .option('--resume [benchmark]', 'go on with a benchmark that was stopped: id, its first characters, or the latest')
    .option('--output <folder>', 'where table and figures go (default: benchmarks/<id> below FORGE_HOME)')
    .addOption(json())
    .addOption(logFormat())
    .addOption(logLevel())
    .action(async (file, options) => (await import('./bench-command.ts')).bench(file, options));

  program
    .command('benchmarks')
    .description('list stored benchmarks')
    .option('--after <cursor>', 'next page, as the last one printed it')
    .addOption(limit(20))
    .addOption(json())
    .action(async (options) => (await import('./bench-command.ts')).benchmarks(options));
}
