import dgram from 'node:dgram';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

const refusal = () => new Error('the network is off for this tool; its option network: true allows it');

function refuse(): never {
  throw refusal();
}

/** As a connection that fails: whoever waits for its events hears of it. */
function refuseConnection(this: net.Socket) {
  process.nextTick(() => this.destroy(refusal()));
  return this;
}

function replace(target: object, name: string, by: (...args: never[]) => unknown): void {
  Object.defineProperty(target, name, { value: by, writable: false, configurable: false, enumerable: true });
}

const isQuery = (name: string) => /^(lookup|lookupService|reverse|resolve\w*)$/.test(name);

function replaceQueries(target: object): void {
  for (const name of Object.getOwnPropertyNames(target).filter(isQuery)) replace(target, name, refuse);
}

/**
 * Replaces the doors to the network: sockets (and with them http, https, http2, tls, fetch, WebSocket), servers, datagrams, name
 * lookups. A guard against accidents: code that wants to get around it can, for it runs in the same process.
 */
export function denyNetwork(): void {
  replace(net.Socket.prototype, 'connect', refuseConnection);
  replace(net.Server.prototype, 'listen', refuse);
  for (const name of ['bind', 'connect', 'send']) replace(dgram.Socket.prototype, name, refuse);
  for (const door of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) replaceQueries(door);
  syncBuiltinESMExports();
}
