import { Command, Option } from 'commander';
import { json, limit, logFormat, logLevel, positiveInteger } from './program-options.ts';

/** What is asked, run and looked at: experiments and what they are made of. */
export function addExperimentCommands(program: Command): void {
  program
    .command('init')
    .description(
      'write examples into a folder: experiments and what they need, models included (24 MB); keeps what is there',
    )
    .argument('[folder]', 'new or existing', '.')
    .action(async (folder) => (await import('./init-command.ts')).init(folder));

  program
    .command('validate')
    .description('check experiment, training and benchmark files without running them')
    .argument('<files...>')
    .addOption(json())
    .action(async (files, options) => (await import('./plan-command.ts')).validate(files, options));

  program
    .command('plan')
    .description(
      'rows, calls, estimated tokens, time and the smallest effect that can be seen, before anything is spent',
    )
    .argument('<file>')
    .option('--probe <n>', 'run n examples of each variant, unstored, to measure tokens and time', positiveInteger)
    .addOption(json())
    .action(async (file, options) => (await import('./plan-command.ts')).plan(file, options));

  program
    .command('run')
    .description('run an experiment file and print what was found')
    .argument('<file>', 'experiment, e.g. experiments/quickstart.yaml')
    .option('--sample <n>', 'only so many examples of each variant', positiveInteger)
    .option('--no-cache', 'measure every call again')
    .option('--update-lock', 'accept data sets and models that differ from the lock file')
    .addOption(logFormat())
    .addOption(logLevel())
    .addOption(json())
    .action(async (file, options) => (await import('./run-command.ts')).run(file, options));

  program
    .command('resume')
    .description('go on with an experiment that was stopped; finished examples are not done again')
    .argument('[experiment]', 'id, its first characters, or nothing for the latest')
    .addOption(json())
    .addOption(logFormat())
    .addOption(logLevel())
    .action(async (id, options) => (await import('./run-command.ts')).resume(id, options));

  program
    .command('show')
    .description('print the finding of a stored experiment, training or benchmark, or the examples of one of its runs')
    .argument('[experiment]', 'id, its first characters, or nothing for the latest')
    .option('--examples <variant>', 'list the examples of this variant')
    .option('--wrong', 'only examples that are not right on the deciding metric (score under 1)')
    .option('--failed', 'only failed examples')
    .option('--tool <name>', 'only examples in which an agent called this tool')
    .option('--tool-error <kind>', 'only examples in which a tool failed so, e.g. timeout (with --tool: this tool)')
    .option('--example <id>', 'everything about one example: prompt, output, steps, timings (with --examples)')
    .addOption(limit(20))
    .addOption(json())
    .action(async (id, options) => (await import('./show-command.ts')).show(id, options));

  program
    .command('list')
    .description('list stored experiments, or what a config can name')
    .addArgument(
      new Command()
        .createArgument('[what]', 'what to list')
        .choices([
          'experiments',
          'methods',
          'metrics',
          'engines',
          'datasets',
          'retrievers',
          'embedders',
          'cross-encoders',
          'nli',
          'indexes',
          'tools',
          'training-sets',
          'components',
        ])
        .default('experiments'),
    )
    .option('--text <part>', 'experiments whose name has this part')
    .addOption(
      new Option('--status <status>', 'experiments with such a run').choices([
        'pending',
        'running',
        'finished',
        'cancelled',
        'failed',
      ]),
    )
    .option('--method <name>', 'experiments that use this method')
    .option('--dataset <name>', 'experiments that use this data set')
    .option('--deleted', 'deleted experiments')
    .option('--after <cursor>', 'next page, as the last one printed it')
    .addOption(limit(20))
    .addOption(json())
    .action(async (what, options) => (await import('./list-command.ts')).list(what, options));

  program
    .command('compare')
    .description('compare two to ten variants or runs, also of different experiments, paired by example')
    .argument('<runs...>', 'run ids, or <experiment>:<variant>; the first is the baseline')
    .option('--metric <name>', 'metric that decides')
    .option('--minimum-effect <d>', 'smallest difference that matters', Number.parseFloat, 0.05)
    .addOption(json())
    .action(async (runs, options) => (await import('./compare-command.ts')).compare(runs, options));

  program
    .command('delete')
    .description('hide an experiment (soft: --restore brings it back)')
    .argument('<experiment>')
    .option('--restore', 'bring a deleted experiment back')
    .action(async (id, options) => (await import('./list-command.ts')).remove(id, options));

  program
    .command('datasets')
    .description('the data sets a config can name, or the first rows of one')
    .argument('[name]')
    .option('--set <option=value...>', 'options of the data set, e.g. path=data.jsonl')
    .addOption(limit(3))
    .addOption(json())
    .action(async (name, options) => (await import('./list-command.ts')).datasets(name, options));

  program
    .command('models')
    .description('local models: bundled and downloaded; or fetch one')
    .argument('[model]', 'a path, or hf:owner/repo/file.gguf to download')
    .addOption(json())
    .action(async (model, options) => (await import('./list-command.ts')).models(model, options));

  program
    .command('ingest')
    .description('bring the index of a corpus up to date: embeds what is new, removes what is no more')
    .argument('<files...>', 'corpus files, e.g. corpora/lab-world.yaml')
    .addOption(json())
    .action(async (files, options) => (await import('./ingest-command.ts')).ingest(files, options));

  program
    .command('schema')
    .description('print the JSON Schema of experiment, corpus, training, benchmark or findings files, for editors')
    .addArgument(
      new Command()
        .createArgument('[what]', 'which files')
        .choices(['experiment', 'corpus', 'training', 'benchmark', 'findings'])
        .default('experiment'),
    )
    .action(async (what) => (await import('./list-command.ts')).schema(what));
}
