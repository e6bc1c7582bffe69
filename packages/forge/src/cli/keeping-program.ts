import type { Command } from 'commander';
import { json } from './program-options.ts';

/** The database kept, and the machine looked at. */
export function addKeepingCommands(program: Command): void {
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
    .command('doctor')
    .description(
      'check this machine: Node, database, disk, models, GPU, ports, Python; exit code 1 where something fails',
    )
    .addOption(json())
    .action(async (options) => (await import('./doctor-command.ts')).doctor(options));
}
