import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forge as start } from '../testing/forge-process.ts';
import { startForgeServer } from '../testing/forge-server.ts';

let dir: string;
const forge = (...args: string[]) => start(args, { cwd: dir });
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-tokens-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('tokens on the command line', () => {
  it('protect a server from the moment they are made; it starts for others with an admin only', async () => {
    const refused = await forge('serve', '--host', '0.0.0.0', '--port', '0');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('no admin token protects it')]);

    const server = await startForgeServer({ cwd: dir });
    const status = async (path: string, token?: string) =>
      (
        await fetch(
          `${server.url}/api${path}`,
          token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
        )
      ).status;
    try {
      expect(await status('/overview')).toBe(200);
      // Through the server that holds the database.
      const made = await forge('token', 'create', '--name', 'ci', '--role', 'viewer', '--expires', '90d');
      expect(made.stdout).toMatch(/^forge_[\w-]{43}\n$/);
      expect(made.stderr).toMatch(/not shown again.*viewer, until \d{4}-/s);
      const token = made.stdout.trim();
      await expect.poll(() => status('/overview'), { timeout: 10_000 }).toBe(401);
      expect([await status('/overview', token), await status('/audit', token)]).toEqual([200, 403]);

      const boss = JSON.parse((await forge('token', 'create', '--name', 'boss', '--role', 'admin', '--json')).stdout);
      expect(boss).toMatchObject({ name: 'boss', role: 'admin', expiresAt: null, token: expect.any(String) });
      expect(boss.hash).toBeUndefined();
      const listed = await forge('token', 'list');
      expect(listed.stdout).toMatch(/boss +admin .* does not expire\n.*ci +viewer .* until/);
      expect(listed.stdout).not.toContain(token.slice(6));
      const { items } = JSON.parse((await forge('token', 'list', '--json')).stdout);
      expect(items[1].hash).toBeUndefined();

      expect((await forge('token', 'revoke', items[1].id)).stdout).toContain('revoked: ci (viewer)');
      expect(await status('/overview', token)).toBe(401);
      expect(await status('/audit', boss.token)).toBe(200);
      const audit = await forge('audit');
      expect(audit.stdout).toMatch(/command line +token revoke +.*200/);
      expect(audit.stdout).toMatch(/ci .*token +GET \/audit +403 +127\.0\.0\.1/);
    } finally {
      await server.stop();
    }
    const reached = await startForgeServer({ cwd: dir, args: ['--host', '0.0.0.0', '--port', '0'] });
    expect((await fetch(`${reached.url}/api/overview`)).status).toBe(401);
    await reached.stop();
  }, 300_000);

  it.each([
    [['create', '--name', 'x'], /--role/],
    [['create', '--name', 'x', '--role', 'owner'], /viewer, editor, admin/],
    [['create', '--name', ' ', '--role', 'viewer'], /--name: must have 1 to 100 characters/],
    [['create', '--name', 'x', '--role', 'viewer', '--expires', 'soon'], /--expires soon: give hours or days/],
    [['create', '--name', 'x', '--role', 'viewer', '--expires', '9999d'], /--expires 9999d/],
    [['revoke', 'ffffffff'], /token "ffffffff": there is none; forge token list/],
  ])(
    'forge token %j says what is wrong',
    async (args, error) => {
      const { code, stderr } = await forge('token', ...args);
      expect([code === 0, stderr]).toEqual([false, expect.stringMatching(error)]);
    },
    120_000,
  );
});
