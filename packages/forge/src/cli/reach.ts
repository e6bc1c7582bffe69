import { join } from 'node:path';
import type { Surroundings } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { hostPattern } from '../lib/host-pattern.ts';

/** What a server and its workers let experiments reach that came over the API. */
export interface ReachOptions {
  readonly allowPrograms?: boolean;
  readonly privateHost?: readonly string[];
  readonly dataFolder?: readonly string[];
  readonly secret?: readonly string[];
}

/** Models that were trained here count as the project's. Throws ConfigError. */
export function reachOf(options: ReachOptions, home: string): Required<Pick<Surroundings, 'allowPrograms' | 'limits'>> {
  const { allowPrograms = false, privateHost = [], dataFolder = [], secret = [] } = options;
  for (const pattern of privateHost) hostPattern(pattern, '--private-host');
  const wrong = secret.find((one) => !/^[A-Za-z_]\w*@[^\s@/]+$/.test(one));
  if (wrong !== undefined)
    throw new ConfigError(`--secret: "${wrong}" is not NAME@host, e.g. MY_API_KEY@api.example.org`);
  const limits = { folders: [join(home, 'trainings'), ...dataFolder], privateHosts: privateHost, secrets: secret };
  return { allowPrograms, limits };
}
