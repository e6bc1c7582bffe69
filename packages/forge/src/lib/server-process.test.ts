import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../errors.ts';
import { freePort } from '../testing/free-port.ts';
import { type ServerCommand, type ServerProcess, startServer } from './server-process.ts';

/** A server that is ready after a while, with a worker whose number it answers, and that does not end when it is told to. */
const program = `
const http = require('node:http'), { spawn } = require('node:child_process');
const [port, readyAfterMs, stubborn] = process.argv.slice(1);
const worker = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
if (stubborn === 'stubborn') process.on('SIGTERM', () => {});
console.error('key ' + process.env.LAB_API_KEY);
const from = Date.now();
http.createServer((request, response) => {
  response.statusCode = Date.now() - from < Number(readyAfterMs) ? 503 : 200;
  response.end(String(worker.pid));
}).listen(Number(port), '127.0.0.1', () => console.log('listening'));
`;

const open: ServerProcess[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.stop()));
});

async function commandOf(readyAfterMs: number, over: Partial<ServerCommand> & { args?: string[] } = {}) {
  const port = await freePort();
  const { args = [], ...rest } = over;
  return {
    command: [process.execPath, '-e', program, String(port), String(readyAfterMs), ...args],
    readyUrl: `http://127.0.0.1:${port}/`,
    readyTimeoutMs: 20_000,
    cwd: '.',
    env: { ...process.env, LAB_API_KEY: 'sk-of-the-test' },
    ...rest,
  };
}

const start = async (command: ServerCommand) => {
  const server = await startServer(command);
  open.push(server);
  return server;
};
const failure = (command: ServerCommand, signal?: AbortSignal) =>
  startServer(command, signal).then(
    () => undefined,
    (error: Error) => error,
  );

async function isGone(pid: number): Promise<boolean> {
  for (let i = 0; i < 100; i++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await sleep(50);
  }
  return false;
}

describe('startServer', () => {
  it('waits until the server is ready, and ends all of it', async () => {
    const command = await commandOf(400);
    const server = await start(command);
    const answer = await fetch(command.readyUrl);
    expect(answer.status).toBe(200);
    const worker = Number(await answer.text());
    expect(server.ended()).toBeNull();
    await server.stop();
    await server.stop();
    expect(await isGone(server.pid)).toBe(true);
    expect(await isGone(worker)).toBe(true);
    expect(server.ended()).toMatch(/^ended with SIGTERM; it said last: .*listening/);
  });

  it('kills one that does not end in its time', async () => {
    const server = await start(await commandOf(0, { args: ['stubborn'], stopGraceMs: 200 }));
    await server.stop();
    expect(await isGone(server.pid)).toBe(true);
  });

  it('says why a server did not come up, without its secrets', async () => {
    const ended = await failure({
      ...(await commandOf(0)),
      command: [process.execPath, '-e', 'console.error("no GPU; key " + process.env.LAB_API_KEY); process.exit(3)'],
    });
    expect(ended).toBeInstanceOf(ConfigError);
    expect(ended?.message).toMatch(/ended with exit code 3; it said last: no GPU; key \[secret\]$/);
    const late = await failure(await commandOf(60_000, { readyTimeoutMs: 700 }));
    expect(late?.message).toMatch(/did not answer 2xx within 0.7 s; .*it said last: .*listening/);
    expect(late?.message).not.toContain('sk-of');
  });

  it('names a program that is not there', async () => {
    const error = await failure({ ...(await commandOf(0)), command: ['no-such-server', '--port', '1'] });
    expect(error?.message).toMatch(/^server "no-such-server --port 1" cannot be started: there is no program/);
  });

  it('refuses an address where another server answers already', async () => {
    const other = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const readyUrl = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    const error = await failure({ ...(await commandOf(0)), readyUrl });
    other.close();
    expect(error?.message).toMatch(/something answers at .* before it was started/);
  });

  it('gives up when it is told to', async () => {
    const reason = new Error('stopped by the user');
    const controller = new AbortController();
    const waiting = failure(await commandOf(60_000), controller.signal);
    await sleep(300);
    controller.abort(reason);
    expect(await waiting).toBe(reason);
  });

  it('means this program by "forge"', async () => {
    const error = await failure({ ...(await commandOf(0)), command: ['forge', 'no-such-command'] });
    expect(error?.message).toMatch(/ended with exit code 1; it said last: error: unknown command 'no-such-command'/);
  });

  it.skipIf(process.platform === 'win32')('ends with the process that started it, even a killed one', async () => {
    const command = await commandOf(0);
    const starter = `
      const { startServer } = await import(${JSON.stringify(new URL('./server-process.ts', import.meta.url).href)});
      const server = await startServer(${JSON.stringify({ ...command, env: { PATH: process.env.PATH } })});
      process.stdout.write(String(server.pid));
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', starter], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [text] = await once(parent.stdout, 'data');
    const worker = Number(await (await fetch(command.readyUrl)).text());
    parent.kill('SIGKILL');
    expect(await isGone(Number(String(text)))).toBe(true);
    expect(await isGone(worker)).toBe(true);
  });
});
