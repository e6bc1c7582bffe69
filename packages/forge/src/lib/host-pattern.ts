import { isIP } from 'node:net';
import { ConfigError } from '../errors.ts';

/** The host of a parsed URL without brackets and without the dot at the end, which names the same host. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');

const portOf = (url: URL): string => url.port || (url.protocol === 'https:' ? '443' : '80');

/**
 * Whether a URL's host is one that `pattern` names: a name or an IP address, `*.example.org` for every name below (not
 * example.org itself), each with `:port` where it is not the scheme's own, or `:*` for all of them. Throws ConfigError naming `key`.
 */
export function hostPattern(pattern: string, key: string): (url: URL) => boolean {
  const [, wildcard, name, port] = /^(\*\.)?(\[[\da-f:.]+\]|[^\s:/?#@*[\]\\]+)(?::(\d{1,5}|\*))?$/i.exec(pattern) ?? [];
  const parsed = name === undefined ? null : URL.parse(`http://${name}`);
  if (parsed === null)
    throw new ConfigError(
      `${key}: "${pattern}" names no host; write example.org, *.example.org or example.org:8080, without http:// and path`,
    );
  const host = hostOf(parsed);
  return (url) => {
    const asked = hostOf(url);
    const portFits = port === '*' || (port === undefined ? url.port === '' : portOf(url) === String(Number(port)));
    if (!portFits) return false;
    if (wildcard === undefined) return asked === host;
    return isIP(asked) === 0 && asked.endsWith(`.${host}`);
  };
}
