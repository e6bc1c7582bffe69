/** What Railway executes for a config file: its start command, without a shell of its own. */
export function railwayCommand(text: string): string[] {
  const { startCommand } = (JSON.parse(text) as { deploy: { startCommand: string } }).deploy;
  const [, inner] = /^\/bin\/sh -c "(.*)"$/.exec(startCommand) ?? [];
  return inner === undefined ? startCommand.split(' ') : ['/bin/sh', '-c', inner];
}
