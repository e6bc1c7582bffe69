import type { Argument, Command, Option } from 'commander';
import { program } from '../../packages/forge/src/cli/main.ts';
import { code, type Entry, entriesHtml, escapeHtml, headingHtml, inlineHtml, slugOf } from './html.ts';
import type { Page } from './page.ts';

const allowed = (choices: readonly string[] | undefined) =>
  choices === undefined ? '' : ` One of ${choices.map(code).join(', ')}.`;

const initial = ({ defaultValue }: Option | Argument) =>
  defaultValue === undefined || typeof defaultValue === 'boolean' ? '' : `default ${code(String(defaultValue))}`;

function argumentEntry(argument: Argument): Entry {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return {
    name: argument.required ? `<${name}>` : `[${name}]`,
    notes: [initial(argument)],
    text: `${inlineHtml(argument.description)}${allowed(argument.argChoices)}`,
  };
}

const optionEntry = (option: Option): Entry => ({
  name: option.flags,
  notes: [
    initial(option),
    option.mandatory && option.defaultValue === undefined ? 'required' : '',
    option.envVar === undefined ? '' : `or ${code(option.envVar)}`,
  ],
  text: `${inlineHtml(option.description)}${allowed(option.argChoices)}`,
});

function commandHtml(command: Command, parents: string): string {
  const name = `${parents} ${command.name()}`;
  const entries = [
    ...command.registeredArguments.map(argumentEntry),
    ...command.options.filter(({ hidden }) => !hidden).map(optionEntry),
  ];
  return [
    headingHtml(2, slugOf(name), code(name)),
    `<p>${inlineHtml(command.description())}</p>\n`,
    `<pre tabindex="0"><code>${escapeHtml(`${name} ${command.usage()}`)}\n</code></pre>\n${entriesHtml(entries)}`,
    ...command.commands.map((one) => commandHtml(one, name)),
  ].join('');
}

/** What the help of the program says after its commands: environment and exit codes. */
function closingText(): string {
  let printed = '';
  program.configureOutput({ writeOut: (text) => (printed += text) });
  program.outputHelp();
  program.configureOutput({ writeOut: (text) => process.stdout.write(text) });
  return printed.slice(printed.indexOf('Environment:'));
}

/** Every command with its arguments and options, from commander's definitions. */
export function cliPage(): Page {
  const closing = closingText()
    .trim()
    .split(/\n(?=[A-Z])/)
    .map((part) => `<p>${inlineHtml(part)}</p>\n`)
    .join('');
  const how = `<p>In a checkout a command is started as ${code('npm run forge -- <command>')}; ${code('forge <command> --help')} prints what stands here.</p>\n`;
  const commands = program.commands.map((command) => commandHtml(command, 'forge')).join('');
  return { path: 'reference/cli.html', title: 'Commands', html: `<h1>Commands</h1>\n${how}${closing}${commands}` };
}
