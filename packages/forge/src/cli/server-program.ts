import { Command, Option } from 'commander';
import { appended, json, limit, logFormat, logLevel, positiveInteger, wholeNumber } from './program-options.ts';
import { addReachOptions } from './worker-program.ts';

/** Servers, and who may use them. */
export function addServerCommands(program: Command): void {
  addReachOptions(program.command('serve'))
    .description('the dashboard and the HTTP API, on one port; goes on with experiments that an earlier server left')
    .option('--host <name>', 'address to listen on', '127.0.0.1')
    .addOption(
      new Option('--port <n>', 'port (default: 4040, or the next free one)').env('PORT').argParser(wholeNumber),
    )
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
    .option(
      '--run <file>',
      'run this experiment first, unless the same one has finished already, and print the finding',
    )
    .option('--open', 'open the dashboard in the browser, where there is a desktop')
    .option('--queue', 'leave experiments to workers (forge worker) instead of executing them here; needs DATABASE_URL')
    .addOption(logFormat())
    .addOption(logLevel())
    .action(async (options) => (await import('./serve-command.ts')).serve(options));

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
}
