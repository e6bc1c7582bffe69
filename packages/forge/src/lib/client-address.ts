import { isIP } from 'node:net';

/**
 * Where a request came from. `remote`: the other end of the connection. `forwardedFor`: X-Forwarded-For, to which every
 * proxy appends whom it heard; only the last `proxies` of its entries were written by proxies that are trusted.
 */
export function clientAddress(remote: string | undefined, forwardedFor: string | undefined, proxies: number): string {
  const hops = proxies === 0 ? [] : (forwardedFor ?? '').split(',').map((hop) => hop.trim());
  const hop = hops[Math.max(0, hops.length - proxies)];
  if (hop !== undefined && isIP(hop) !== 0) return hop;
  return remote?.replace(/^::ffff:(?=\d+\.)/, '') ?? 'unknown';
}

/** Addresses that one client can have at will are one: the first half of an IPv6 address. */
export function addressGroup(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - last.length) }, () => '0');
  return [...groups, ...zeros, ...last]
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':');
}

/** Whether only programs of this machine reach a server that listens there. */
export const isLoopback = (host: string): boolean =>
  /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|\[::1\])$/i.test(host);
