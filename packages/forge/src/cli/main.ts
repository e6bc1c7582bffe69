#!/usr/bin/env node
import { Command, InvalidArgumentError, Option } from 'commander';
import { forgeVersion } from '../lib/installation.ts';
import { isTooOld, neededNode } from './needed-node.ts';
import { exitCodeOf, reportError } from './report-error.ts';
import { addReachOptions, addWorkerCommands } from './worker-program.ts';

// Only commander is loaded here: every command imports what it needs when it runs, so that --help stays quick.

if (isTooOld(process.version)) {
  console.error(
    `forge: Node ${neededNode} or newer is needed, this is ${process.version}; install it from https://nodejs.org`,
  );
  process.exit(2);
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number from 1 up.');
  return value;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535)
    throw new InvalidArgumentError('must be a whole number from 0 to 65535.');
  return value;
}

const appended = (value: string, before: readonly string[] = []) => [...before, value];

const json = () => new Option('--json', 'print one JSON document on stdout instead of tables');
const limit = (value: number) => new Option('--limit <n>', 'rows at most').argParser(positiveInteger).default(value);

const levels = ['debug', 'info', 'warn', 'error'];
const logFormat = () =>
  new Option('--log-format <format>', 'what goes to stderr: sentences for people, or one JSON object a line')
    .choices(['human', 'json'])
    .env('FORGE_LOG_FORMAT')
    .default('human');
const logLevel = () =>
  new Option('--log-level <level>', 'lowest level that is logged (default: warn for people, info as JSON)')
    .choices(levels)
    .env('FORGE_LOG_LEVEL');

/** Every command with its arguments and options; the documentation is made from it. */
export const program = new Command('forge')
  .description('A laboratory for LLM methods: a versioned YAML file goes in, a finding with error bars comes out.')
  .version(forgeVersion)
  .showHelpAfterError('(forge --help shows every command)')
  .addHelpText(
    'after',
    `
Environment: FORGE_HOME (database and downloads; default ./.forge), FORGE_SECRETS_FILE (NAME=value lines; NAME_FILE names the file of one), DATABASE_URL (a Postgres instead of the embedded
database), HF_ENDPOINT and HF_TOKEN (Hugging Face Hub), FORGE_MODEL_SERVER_KEY (forge serve-model), and the API key variables that engines name.
Exit codes: 0 done, 1 unexpected error, 2 something to mend (config, file, input), 3 every example of a run failed,
4 a finding is refuted or was not measured as planned, 5 a finding is inconclusive,
130 stopped by Ctrl-C (forge resume, forge train --resume or forge bench --resume goes on).`,
  );

program
  .command('init')
  .description(
    'write examples into a folder: experiments and what they need, models included (24 MB); keeps what is there',
  )
  .argument('[folder]', 'new or existing', '.')
  .action(async (folder) => (await import('./init-command.ts')).init(folder));

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

addReachOptions(program.command('serve'))
  .description('the dashboard and the HTTP API, on one port; goes on with experiments that an earlier server left')
  .option('--host <name>', 'address to listen on', '127.0.0.1')
  .addOption(new Option('--port <n>', 'port (default: 4040, or the next free one)').env('PORT').argParser(wholeNumber))
  .option('--allow-host <name...>', 'further names by which browsers may call this server')
  .addOption(
    new Option(
      '--access <when>',
      'auto: a token is needed once one was made, or others reach the server; required: always',
    )
      .choices(['auto', 'required'])
      .default('auto'),
  )
  .option('--public-read-only', 'everybody may read without a token; nobody may write or spend without one')
  .option('--trust-proxy <n>', 'proxies in front of the server whose X-Forwarded-For is believed', positiveInteger)
  .option('--run <file>', 'run this experiment first, unless the same one has finished already, and print the finding')
  .option('--open', 'open the dashboard in the browser, where there is a desktop')
  .option('--queue', 'leave experiments to workers (forge worker) instead of executing them here; needs DATABASE_URL')
  .addOption(logFormat())
  .addOption(logLevel())
  .action(async (options) => (await import('./serve-command.ts')).serve(options));

addWorkerCommands(program, (command) => command.addOption(logFormat()).addOption(logLevel()));

program
  .command('serve-model')
  .description(
    'serve a local GGUF model by the OpenAI protocol (FORGE_MODEL_SERVER_KEY: the key that requests must carry)',
  )
  .argument('<model>', 'a path, or hf:owner/repo/file.gguf')
  .option('--host <name>', 'address to listen on; other than this machine only with a key', '127.0.0.1')
  .option('--port <n>', 'port; 0 for any free one', wholeNumber, 8731)
  .option('--batch <n>', 'requests decoded together', positiveInteger, 8)
  .option('--context-size <n>', 'tokens of prompt and answer', positiveInteger)
  .option('--threads <n>', 'CPU threads', positiveInteger)
  .option('--lora <file[=scale]>', 'an adapter on top of the model; may be given again', appended)
  .option('--chat', 'serve /v1/chat/completions, in the model’s chat template, in place of /v1/completions')
  .option('--name <name>', 'under which requests name the model; default: the file without .gguf')
  .addOption(logFormat())
  .addOption(logLevel())
  .action(async (model, options) => (await import('./serve-model-command.ts')).serveModel(model, options));

program
  .command('token')
  .description('tokens of the HTTP API: see docs/access.md')
  .addCommand(
    new Command('create')
      .description('make a token and print it, once')
      .requiredOption('--name <name>', 'whose it is, or what it is for')
      .addOption(
        new Option('--role <role>', 'viewer reads; editor creates and runs, too; admin sees the audit log, too')
          .choices(['viewer', 'editor', 'admin'])
          .makeOptionMandatory(),
      )
      .option('--expires <time>', 'e.g. 90d or 12h (default: never)')
      .addOption(json())
      .action(async (options) => (await import('./token-command.ts')).createToken(options)),
  )
  .addCommand(
    new Command('list')
      .description('list tokens; what they are is not stored')
      .option('--after <cursor>', 'next page, as the last one printed it')
      .addOption(limit(50))
      .addOption(json())
      .action(async (options) => (await import('./token-command.ts')).listTokens(options)),
  )
  .addCommand(
    new Command('revoke')
      .description('take a token back; who is signed in with it is signed out')
      .argument('<id>', 'its id, or the first characters')
      .action(async (id) => (await import('./token-command.ts')).revokeToken(id)),
  );

program
  .command('audit')
  .description('list what was written or spent over the API, and what was refused')
  .option('--after <cursor>', 'next page, as the last one printed it')
  .addOption(limit(50))
  .addOption(json())
  .action(async (options) => (await import('./token-command.ts')).showAudit(options));

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
  .command('reproduce')
  .description('run a stored or exported experiment again and say what differs, bit for bit; exit code 1: a score does')
  .argument('[experiment]', 'id, its first characters, a file of forge export --all, or nothing for the latest')
  .addOption(logFormat())
  .addOption(logLevel())
  .addOption(json())
  .action(async (id, options) => (await import('./reproduce-command.ts')).reproduce(id, options));

program
  .command('compare')
  .description('compare two to ten variants or runs, also of different experiments, paired by example')
  .argument('<runs...>', 'run ids, or <experiment>:<variant>; the first is the baseline')
  .option('--metric <name>', 'metric that decides')
  .option('--minimum-effect <d>', 'smallest difference that matters', Number.parseFloat, 0.05)
  .addOption(json())
  .action(async (runs, options) => (await import('./compare-command.ts')).compare(runs, options));

const findings = program.command('findings').description('claims about experiments, held against what was measured');
findings
  .command('check')
  .description('give each claim of findings/*.yaml a verdict; an experiment that is not stored yet is run first')
  .argument('[files...]', 'findings files (default: all in findings/)')
  .option('--rerun', 'measure anew, without the response cache, in place of what is stored')
  .addOption(json())
  .action(async (files, options) => (await import('./findings-command.ts')).checkFindings(files, options));

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
  .command('validate')
  .description('check experiment, training and benchmark files without running them')
  .argument('<files...>')
  .addOption(json())
  .action(async (files, options) => (await import('./plan-command.ts')).validate(files, options));

program
  .command('ingest')
  .description('bring the index of a corpus up to date: embeds what is new, removes what is no more')
  .argument('<files...>', 'corpus files, e.g. corpora/lab-world.yaml')
  .addOption(json())
  .action(async (files, options) => (await import('./ingest-command.ts')).ingest(files, options));

program
  .command('plan')
  .description('rows, calls, estimated tokens, time and the smallest effect that can be seen, before anything is spent')
  .argument('<file>')
  .option('--probe <n>', 'run n examples of each variant, unstored, to measure tokens and time', positiveInteger)
  .addOption(json())
  .action(async (file, options) => (await import('./plan-command.ts')).plan(file, options));

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
  .command('delete')
  .description('hide an experiment (soft: --restore brings it back)')
  .argument('<experiment>')
  .option('--restore', 'bring a deleted experiment back')
  .action(async (id, options) => (await import('./list-command.ts')).remove(id, options));

program
  .command('report')
  .description('write what was found as Markdown and as one HTML file, with figures')
  .argument('[ids...]', 'experiments, trainings, benchmarks (default: the newest finished one of each name)')
  .option('--output <folder>', 'where it goes', 'report')
  .option('--title <text>', 'its heading', 'What was found')
  .action(async (ids, options) => (await import('./report-command.ts')).report(ids, options));

program
  .command('export')
  .description('write the rows of an experiment')
  .argument('<experiment>')
  .addOption(new Option('--format <format>', 'file format').choices(['jsonl', 'csv', 'markdown']).default('jsonl'))
  .option('--output <file>', 'file to write (default: stdout)')
  .option('--calls', 'with every model call (jsonl only)')
  .option('--all <file>', 'everything about it into a file for forge import (no other option)')
  .action(async (id, options) => (await import('./export-command.ts')).exportRows(id, options));

program
  .command('import')
  .description('add the experiment of a file that forge export --all wrote; a second time adds nothing')
  .argument('<file>')
  .addOption(json())
  .action(async (file, options) => (await import('./import-command.ts')).importFile(file, options));

program
  .command('backup')
  .description('write the whole database into a file, as it is at one moment, and verify that')
  .argument('<file>', 'new file, e.g. forge.backup')
  .option('--verify', 'only verify a file that is there')
  .addOption(json())
  .action(async (file, options) => (await import('./backup-command.ts')).backup(file, options));

program
  .command('restore')
  .description('put a backup into the database, which must be empty: all of it, or nothing where anything is wrong')
  .argument('<file>')
  .option('--replace', 'throw away what the database holds')
  .addOption(json())
  .action(async (file, options) => (await import('./backup-command.ts')).restore(file, options));

program
  .command('prune')
  .description('show what old rows could go for good, and remove them with --yes')
  .requiredOption('--older-than <age>', 'e.g. 12h, 90d, 8w')
  .option('--calls', 'prompts and outputs of runs that have ended; examples, scores and figures stay')
  .option('--cache', 'the response cache')
  .option('--deleted', 'experiments that were deleted, with all that is theirs')
  .option('--yes', 'remove; without it only a list of what would go')
  .addOption(json())
  .action(async (options) => (await import('./prune-command.ts')).pruneOld(options));

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
  .command('trace')
  .description('traces of examples in the OpenTelemetry conventions for generative AI')
  .addCommand(
    new Command('export')
      .description('send the stored examples of an experiment to an OTLP/HTTP receiver, or write them to a file')
      .argument('<experiment>')
      .option('--variant <name>', 'only this variant')
      .option('--to <url>', 'receiver, e.g. http://localhost:4318 (default: OTEL_EXPORTER_OTLP_ENDPOINT)')
      .option('--file <path>', 'file to write instead: OTLP as JSON lines')
      .option('--no-content', 'without prompts, answers, tool arguments and results')
      .option('--limit <n>', 'examples of each variant at most', positiveInteger)
      .action(async (id, options) => (await import('./trace-command.ts')).exportTraces(id, options)),
  );

program
  .command('doctor')
  .description(
    'check this machine: Node, database, disk, models, GPU, ports, Python; exit code 1 where something fails',
  )
  .addOption(json())
  .action(async (options) => (await import('./doctor-command.ts')).doctor(options));

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

if (import.meta.main) {
  try {
    await program.parseAsync();
  } catch (error) {
    reportError(error);
    process.exitCode = exitCodeOf(error);
  }
}
