import { type Command, InvalidArgumentError } from 'commander';

// As in main.ts: only commander is loaded before a command runs.

function wholeFrom(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}.`);
    return value;
  };
}

const maxOrNone = (text: string) => (text === 'none' ? null : wholeFrom(1, 10_000)(text));
const asJson = ['--json', 'print one JSON document on stdout instead of tables'] as const;

/** What experiments that came over the API may reach: said to the server, and to each worker that executes them. */
export const addReachOptions = (command: Command): Command =>
  command
    .option('--allow-programs', 'let experiments that come over the API start the programs that they name (tool mcp)')
    .option(
      '--private-host <host...>',
      'hosts of this machine or a private network that experiments over the API may call',
    )
    .option('--data-folder <folder...>', 'folders besides the project that experiments over the API may read')
    .option('--secret <NAME@host...>', 'environment variables whose value experiments over the API may send to a host');

/** `forge worker` and `forge queue`. */
export function addWorkerCommands(program: Command, addLogOptions: (command: Command) => Command): void {
  addLogOptions(addReachOptions(program.command('worker')))
    .description(
      'execute what is in the queue of a Postgres (DATABASE_URL): experiments, trainings, benchmarks, ingestions; on any number of machines',
    )
    .option(
      '--lanes <n>',
      'shards at once: while one ends, the next begins; a job has the worker for itself',
      wholeFrom(1, 64),
      2,
    )
    .option('--engines <name...>', 'only runs of these engines')
    .option('--gpu', 'this machine has a GPU (otherwise: looked for)')
    .option('--no-gpu', 'take nothing that needs a GPU')
    .option(
      '--drain-seconds <n>',
      'after SIGTERM, how long shards may go on before they are given back',
      wholeFrom(0, 86_400),
      10,
    )
    .option('--lost-after <seconds>', 'after so long without a beat, others take over', wholeFrom(2, 3600), 15)
    .option(
      '--shard-size <n>',
      'examples of a shard that this worker plans; default: by how many there are',
      wholeFrom(1, 10_000),
    )
    .option('--until-empty', 'end once nothing is left to do')
    .action(async (options) => (await import('./worker-command.ts')).worker(options));

  const queue = program.command('queue').description('what workers execute, and how many calls at once');
  queue
    .command('list', { isDefault: true })
    .description('experiments, jobs, workers and limits')
    .option(...asJson)
    .action(async (options) => (await import('./queue-command.ts')).list(options));
  queue
    .command('add')
    .description(
      'give workers a file (experiment, training, benchmark, corpus) or a stored experiment that is not finished',
    )

    .argument('<file|id>', 'file, or id of an experiment, or its first characters')
    .option('--priority <n>', 'higher goes first', wholeFrom(-1000, 1000), 0)
    .option(...asJson)
    .action(async (experiment, options) => (await import('./queue-command.ts')).add(experiment, options));
  for (const [name, description] of [
    ['pause', 'let an experiment or a job wait; what is finished is kept'],
    ['resume', 'go on with what is paused'],
    ['cancel', 'take an experiment or a job back; what is finished is kept'],
  ] as const) {
    queue
      .command(name)
      .description(description)
      .argument('<id>', 'of an experiment or a job, or its first characters')
      .action(async (experiment) => (await import('./queue-command.ts'))[name](experiment));
  }
  queue
    .command('limit')
    .description('how many calls of an engine, or to a host, may be under way at once, on all machines together')
    .argument('<engine|host>', 'e.g. openai-compatible, api.openai.com, gpu-1:8000')
    .argument('<n>', 'a whole number, or: none', maxOrNone)
    .action(async (key, max) => (await import('./queue-command.ts')).limit(key, max));
}
