import type { LookupAddress } from 'node:dns';
import { lookup as systemLookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import type { ConfigLimits } from '../definition.ts';
import { isListedHost } from './option-reach.ts';
import { isPrivateAddress } from './private-address.ts';

/** The name of a config leads where it may not; `code` is that of a failed connection, which is not tried again. */
class PrivateAddressError extends Error {
  readonly code = 'EPRIVATE';
}

/**
 * How the host of a URL is looked up for each connection to it: only to addresses of the public internet, and to the very address
 * that was checked, so that a name cannot point elsewhere a moment later (DNS rebinding). undefined: as the system does, for
 * the user's own configs and for hosts that the operator listed. Addresses written as numbers are never looked up: `checkReach`
 * has refused the private ones.
 */
export function publicLookup(
  url: URL,
  limits: ConfigLimits | undefined,
  lookup: (host: string) => Promise<readonly LookupAddress[]> = (host) => systemLookup(host, { all: true }),
): LookupFunction | undefined {
  if (limits === undefined || isListedHost(url, limits)) return undefined;
  return (host, options, callback) => {
    lookup(host).then(
      (all) => {
        const open = all.filter(({ address }) => !isPrivateAddress(address));
        const [first] = open;
        if (first === undefined) {
          const where = all[0]?.address ?? 'no address';
          const message = `${host} is at ${where}, which is not on the public internet, and this config came over the API; allow it with: forge serve --private-host ${url.host}`;
          callback(new PrivateAddressError(message), '');
        } else if (options.all === true) callback(null, open);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };
}
