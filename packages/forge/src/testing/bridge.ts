import { connect, createServer } from 'node:net';

/** `bridge.ts <host:port> <target> ...`: whatever connects to the one is led to the other (`host:port`, or a Unix socket). Ends with its parent. */
const pairs = process.argv.slice(2);

for (let i = 0; i + 1 < pairs.length; i += 2) {
  const [host = '', port = ''] = (pairs[i] as string).split(':');
  const target = pairs[i + 1] as string;
  const [targetHost = '', targetPort = ''] = target.split(':');
  createServer((inside) => {
    const outside = target.startsWith('/') ? connect(target) : connect(Number(targetPort), targetHost);
    inside.pipe(outside).pipe(inside);
    inside.on('error', () => outside.destroy());
    outside.on('error', () => inside.destroy());
  }).listen(Number(port), host);
}

const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit();
}, 500);
