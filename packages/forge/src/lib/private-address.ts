import { BlockList, isIP } from 'node:net';

/**
 * IPv4 that is not the public internet: https://www.iana.org/assignments/iana-ipv4-special-registry (RFC 6890), multicast, and
 * the class that was never given out. A cloud's metadata service (169.254.169.254) is among the link-local ones.
 */
const closedV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8], // this host
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarks of networks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
];

/**
 * Of IPv6, only 2000::/3 is given out (https://www.iana.org/assignments/ipv6-address-space): what lies below holds unspecified,
 * loopback, IPv4-mapped (::ffff:0:0/96) and NAT64 (64:ff9b::/96), what lies above unique local, link-local and multicast.
 */
const closedV6: readonly (readonly [string, number])[] = [
  ['::', 3],
  ['4000::', 2],
  ['8000::', 1],
  ['2001::', 23], // protocol assignments, Teredo among them
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4: carries any IPv4 address
  ['3fff::', 20], // documentation
];

function blockList(ranges: readonly (readonly [string, number])[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [address, bits] of ranges) list.addSubnet(address, bits, family);
  return list;
}

// Two lists: in one, the range of IPv4-mapped addresses would hold every IPv4 address too.
const v4 = blockList(closedV4, 'ipv4');
const v6 = blockList(closedV6, 'ipv6');

/** Whether an IP address (text, a zone as in `fe80::1%eth0` allowed) is not on the public internet. No address at all is not, either. */
export function isPrivateAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  const family = isIP(bare);
  if (family === 0) return true;
  return family === 4 ? v4.check(bare, 'ipv4') : v6.check(bare, 'ipv6');
}
