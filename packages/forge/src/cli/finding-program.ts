import { Command, Option } from 'commander';
import { json, logFormat, logLevel, positiveInteger } from './program-options.ts';

/** What is made of what was measured: verdicts, reports, repetitions, files for others. */
export function addFindingCommands(program: Command): void {
  const findings = program.command('findings').description('claims about experiments, held against what was measured');
  findings
    .command('check')
    .description('give each claim of findings/*.yaml a verdict; an experiment that is not stored yet is run first')
    .argument('[files...]', 'findings files (default: all in findings/)')
    .option('--rerun', 'measure anew, without the response cache, in place of what is stored')
    .addOption(json())
    .action(async (files, options) => (await import('./findings-command.ts')).checkFindings(files, options));

  program
    .command('report')
    .description('write what was found as Markdown and as one HTML file, with figures')
    .argument('[ids...]', 'experiments, trainings, benchmarks (default: the newest finished one of each name)')
    .option('--output <folder>', 'where it goes', 'report')
    .option('--title <text>', 'its heading', 'What was found')
    .action(async (ids, options) => (await import('./report-command.ts')).report(ids, options));

  program
    .command('reproduce')
    .description(
      'run a stored or exported experiment again and say what differs, bit for bit; exit code 1: a score does',
    )
    .argument('[experiment]', 'id, its first characters, a file of forge export --all, or nothing for the latest')
    .addOption(logFormat())
    .addOption(logLevel())
    .addOption(json())
    .action(async (id, options) => (await import('./reproduce-command.ts')).reproduce(id, options));

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
}
