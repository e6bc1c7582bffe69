import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A network between two programs that can be cut. */
export interface TcpProxy {
  readonly port: number;
  /** `reset`: connections break at once. `silent`: nothing arrives any more, and nobody is told. */
  cut(how: 'reset' | 'silent'): void;
  heal(): void;
  close(): Promise<void>;
}

/** `target`: `host:port`, or the path of a Unix socket. */
export async function startTcpProxy(target: string, listen: { host?: string; path?: string } = {}): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let state: 'whole' | 'reset' | 'silent' = 'whole';
  const open = () => {
    const [host = '', port = ''] = target.split(':');
    return target.startsWith('/') ? connect(target) : connect(Number(port), host);
  };

  const server = createServer((inside) => {
    if (state === 'reset') return inside.destroy();
    const outside = open();
    for (const [socket, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      sockets.add(socket);
      socket.on('data', (data) => {
        if (state === 'whole') other.write(data);
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        if (state !== 'silent') other.destroy();
      });
    }
    return undefined;
  });
  if (listen.path === undefined) server.listen(0, listen.host ?? '127.0.0.1');
  else server.listen(listen.path);
  await once(server, 'listening');
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo | null)?.port ?? 0,
    cut(how) {
      state = how;
      if (how === 'reset') drop();
    },
    heal() {
      // What was sent into the silence is gone: a connection with a hole in it is of no use.
      if (state === 'silent') drop();
      state = 'whole';
    },
    async close() {
      drop();
      server.close();
      await once(server, 'close');
    },
  };
}
