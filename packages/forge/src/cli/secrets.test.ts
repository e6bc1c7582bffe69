import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSecrets } from './secrets.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-secrets-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function file(name: string, text: string, mode = 0o600): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

describe('secrets', () => {
  it('come from a file of lines; what the environment says itself wins', async () => {
    const lines = ['# keys', '', 'A_KEY=from-the-file', ' export B_KEY = "quoted value" ', "C='single'", 'SET=file'];
    const FORGE_SECRETS_FILE = await file('lines.env', `${lines.join('\r\n')}\r\n`);
    const { env, values } = openSecrets({ FORGE_SECRETS_FILE, SET: 'environment', EMPTY: '' });
    expect([env.A_KEY, env.B_KEY, env.C, env.SET, env.NONE, env.EMPTY]).toEqual([
      'from-the-file',
      'quoted value',
      'single',
      'environment',
      undefined,
      '',
    ]);
    expect({ ...env }).toMatchObject({ A_KEY: 'from-the-file', SET: 'environment' });
    expect(values()).toEqual(expect.arrayContaining(['from-the-file', 'quoted value']));
  });

  it('come from the file that NAME_FILE names, which is read when NAME is asked for', async () => {
    const MY_KEY_FILE = await file('key', 'the value of the key\n');
    const { env, values } = openSecrets({ MY_KEY_FILE, OTHER_FILE: '/nowhere/at/all' });
    expect(values()).toEqual([]);
    expect(env.MY_KEY).toBe('the value of the key');
    expect(values()).toEqual(['the value of the key']);
    expect(() => env.OTHER).toThrow('OTHER_FILE: /nowhere/at/all cannot be read (ENOENT)');
  });

  it.skipIf(process.platform === 'win32').each([0o640, 0o604, 0o620, 0o602, 0o666])(
    'are not read from a file of mode %o',
    async (mode) => {
      const path = await file(`open-${mode}`, 'A_KEY=planted-secret', mode);
      const shown = `mode 0${mode.toString(8)}`;
      expect(() => openSecrets({ FORGE_SECRETS_FILE: path })).toThrow(
        `FORGE_SECRETS_FILE: ${path} can be read or written by others (${shown}); correct it with: chmod 600 ${path}`,
      );
      const { env } = openSecrets({ MY_KEY_FILE: path });
      expect(() => env.MY_KEY).toThrow(shown);
      // A link does not hide what it leads to.
      await symlink(path, `${path}-link`);
      expect(() => openSecrets({ FORGE_SECRETS_FILE: `${path}-link` })).toThrow(shown);
    },
  );

  it('are named in no error', async () => {
    const broken = await file('broken.env', 'A_KEY=fine-secret\nplanted-secret without a name');
    expect(() => openSecrets({ FORGE_SECRETS_FILE: broken })).toThrow(/broken\.env:2: not NAME=value/);
    expect(() => openSecrets({ FORGE_SECRETS_FILE: broken })).not.toThrow(/planted|fine/);
    expect(() => openSecrets({ FORGE_SECRETS_FILE: dir })).toThrow('is not a file');
    const large = await file('large.env', '#'.repeat(70_000));
    expect(() => openSecrets({ FORGE_SECRETS_FILE: large })).toThrow(/65536 at most/);
  });

  it('are what names say, but no switches and no words', () => {
    const { values } = openSecrets({
      OPENAI_API_KEY: 'sk-planted-1',
      HF_TOKEN: 'hf_planted_2',
      DB_PASSWORD: 'planted password',
      SHORT_KEY: 'on',
      HOME: '/home/somebody',
      MY_PUBLIC_KEY: 'not secret at all',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20planted3,x-a=1',
      DATABASE_URL: 'postgres://forge:p%40ss-planted@db:5432/forge',
    });
    expect([...values()].sort()).toEqual(
      ['sk-planted-1', 'hf_planted_2', 'planted password', 'Basic%20planted3', 'p%40ss-planted', 'p@ss-planted'].sort(),
    );
    expect(openSecrets({ DATABASE_URL: 'postgres://postgres:postgres@localhost/postgres' }).values()).toEqual([]);
  });
});
