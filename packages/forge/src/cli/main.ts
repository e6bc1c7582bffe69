#!/usr/bin/env node
import { Command } from 'commander';
import { forgeVersion } from '../lib/installation.ts';
import { addExperimentCommands } from './experiment-program.ts';
import { addFindingCommands } from './finding-program.ts';
import { addKeepingCommands } from './keeping-program.ts';
import { isTooOld, neededNode } from './needed-node.ts';
import { logFormat, logLevel } from './program-options.ts';
import { exitCodeOf, reportError } from './report-error.ts';
import { addServerCommands } from './server-program.ts';
import { addTrainingCommands } from './training-program.ts';
import { addWorkerCommands } from './worker-program.ts';

// Only commander is loaded here: every command imports what it needs when it runs, so that --help stays quick.

if (isTooOld(process.version)) {
  console.error(
    `forge: Node ${neededNode} or newer is needed, this is ${process.version}; install it from https://nodejs.org`,
  );
  process.exit(2);
}

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

addExperimentCommands(program);
addFindingCommands(program);
addTrainingCommands(program);
addServerCommands(program);
addWorkerCommands(program, (command) => command.addOption(logFormat()).addOption(logLevel()));
addKeepingCommands(program);

if (import.meta.main) {
  try {
    await program.parseAsync();
  } catch (error) {
    reportError(error);
    process.exitCode = exitCodeOf(error);
  }
}
