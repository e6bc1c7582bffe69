import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Notice } from '../definition.ts';
import { forge } from '../testing/forge-process.ts';
import { startHubPushServer } from '../testing/hub-push-server.ts';
import { pushToHub } from './hub-push.ts';

const token = 'hf_TestTokenThatIsASecret';
const weights = Buffer.from(Uint8Array.from({ length: 250_000 }, (_, i) => (i * i) % 251));

let dir: string;
let folder: string;
let hub: Awaited<ReturnType<typeof startHubPushServer>>;
let notices: Notice[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-push-'));
  folder = join(dir, 'adapter');
  notices = [];
  hub = await startHubPushServer(token, 'mara');
  await mkdir(join(folder, 'gguf'), { recursive: true });
  await writeFile(join(folder, 'adapter_model.safetensors'), weights);
  await writeFile(join(folder, 'adapter_config.json'), '{"r": 4}');
  await writeFile(join(folder, 'README.md'), '# An adapter\n');
  await writeFile(join(folder, 'gguf/adapter.gguf'), weights.subarray(0, 1000));
});
afterEach(async () => {
  await hub.close();
  await rm(dir, { recursive: true, force: true });
});

function push(
  options: { repo?: string; public?: boolean; message?: string } = {},
  env: Record<string, string | undefined> = {},
  signal?: AbortSignal,
) {
  const surroundings = {
    baseDir: dir,
    cacheDir: join(dir, 'cache'),
    env: { HF_ENDPOINT: hub.url, HF_TOKEN: token, ...env },
    now: Date.now,
    notify: (notice: Notice) => notices.push(notice),
  };
  return pushToHub(folder, { repo: 'mara/lab-dpo', ...options }, surroundings, signal);
}

/** The one line that a user sees; never the token, nor a signed address. */
async function refusal(pushing: Promise<unknown>): Promise<string> {
  const error = await pushing.then(
    () => new Error('was pushed'),
    (reason: Error) => reason,
  );
  expect(error).toMatchObject({ name: 'ConfigError' });
  expect(`${error.message} ${error.stack} ${JSON.stringify(error)} ${JSON.stringify(notices)}`).not.toMatch(
    new RegExp(`${token}|signature=`),
  );
  return error.message;
}

const paths = ['README.md', 'adapter_config.json', 'adapter_model.safetensors', 'gguf/adapter.gguf'];

describe('pushing a folder', () => {
  it('makes a private repository and one commit with every file', async () => {
    const pushed = await push({ message: 'First adapter' });
    const repo = hub.repos.get('mara/lab-dpo');
    expect(repo?.isPrivate).toBe(true);
    expect(repo?.commits).toEqual([{ summary: 'First adapter', paths: expect.arrayContaining(paths) }]);
    expect([...(repo?.files.keys() ?? [])].sort()).toEqual(paths);
    expect(repo?.files.get('adapter_model.safetensors')?.equals(weights)).toBe(true);
    expect(repo?.files.get('README.md')?.toString()).toBe('# An adapter\n');
    expect(pushed).toEqual({
      url: `${hub.url}/mara/lab-dpo`,
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
      files: paths,
      bytes: 251_021,
    });
    const done = notices.map((notice) => notice.done ?? -1);
    expect(
      notices.every(({ level, total, unit }) => level === 'progress' && total === 251_021 && unit === 'bytes'),
    ).toBe(true);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect([done.length > 3, done.at(-1)]).toEqual([true, 251_021]);
  });

  it('gives the token to the hub alone', async () => {
    await push();
    const hosts = (host: string) =>
      new Set(hub.log.filter((call) => call.host === host).map((call) => call.authorization));
    expect(hosts('hub')).toEqual(new Set([`Bearer ${token}`]));
    expect(hosts('storage')).toEqual(new Set([undefined]));
  });

  it('uploads large files in parts, and none that is there', async () => {
    hub.faults.partBytes = 100_000;
    await push();
    expect(hub.repos.get('mara/lab-dpo')?.files.get('adapter_model.safetensors')?.equals(weights)).toBe(true);
    const uploads = () => hub.log.filter(({ host }) => host === 'storage').length;
    expect(uploads()).toBe(5);
    await writeFile(join(folder, 'README.md'), '# Changed\n');
    await push();
    expect(uploads()).toBe(5);
    expect(hub.repos.get('mara/lab-dpo')?.files.get('README.md')?.toString()).toBe('# Changed\n');
  });

  it('keeps hidden files, links, checkpoints and halves here', async () => {
    await writeFile(join(folder, '.env'), 'SECRET=1');
    await writeFile(join(dir, 'private.key'), 'secret');
    await symlink(join(dir, 'private.key'), join(folder, 'notes.txt'));
    await symlink(dir, join(folder, 'up'));
    for (const hidden of ['.git', 'checkpoints']) {
      await mkdir(join(folder, hidden));
      await writeFile(join(folder, hidden, 'optimizer'), 'x');
    }
    await writeFile(join(folder, 'adapter_model.safetensors.12.partial'), 'x');
    expect((await push()).files).toEqual(paths);
  });

  it('waits where the hub is busy and where the connection breaks', async () => {
    hub.faults.statuses = [429, 503, 500];
    hub.faults.breakUploads = 2;
    await push();
    expect([...(hub.repos.get('mara/lab-dpo')?.files.keys() ?? [])].sort()).toEqual(paths);
  });

  it('makes nothing public that was not meant to be', async () => {
    expect((await push({ public: true })).url).toContain('mara/lab-dpo');
    expect(hub.repos.get('mara/lab-dpo')?.isPrivate).toBe(false);
    expect(await refusal(push())).toBe(
      'push to mara/lab-dpo: the repository is there and public: say --public, or name another one',
    );
    expect(hub.repos.get('mara/lab-dpo')?.commits).toHaveLength(1);
    await push({ public: true });
    expect(hub.repos.get('mara/lab-dpo')?.commits).toHaveLength(2);
  });

  it('warns of a missing model card', async () => {
    await rm(join(folder, 'README.md'));
    await push();
    expect(notices.filter(({ level }) => level === 'warning').map(({ message }) => message)).toEqual([
      `${folder} has no README.md: mara/lab-dpo will have no model card`,
    ]);
  });
});

describe('errors', () => {
  it('say what to do about the token', async () => {
    expect(await refusal(push({}, { HF_TOKEN: undefined }))).toContain('HF_TOKEN is not set');
    expect(await refusal(push({}, { HF_TOKEN: 'sk-other' }))).toContain('they begin with hf_');
    expect(hub.log).toEqual([]);
    const unknown = await refusal(push({}, { HF_TOKEN: 'hf_unknown' }));
    expect(unknown).toContain('creating the repository: the hub does not accept the token in HF_TOKEN (401)');
    expect(unknown).not.toContain('hf_unknown');
    const foreign = await refusal(push({ repo: 'other/lab-dpo' }));
    expect(foreign).toContain('(403): it needs write access to other; the hub says: You don');
    expect(foreign).toContain('[secret]');
  });

  it('say what else went wrong', async () => {
    hub.faults.commitStatus = 409;
    expect(await refusal(push())).toContain(
      'the repository was changed meanwhile (409): push again; the hub says: the branch moved',
    );
    hub.faults.commitStatus = 0;
    hub.faults.uploadStatus = 403;
    await writeFile(join(folder, 'adapter_model.safetensors'), weights.subarray(1));
    expect(await refusal(push())).toContain('uploading: ');
    hub.faults.uploadStatus = 0;
    hub.faults.statuses = [400];
    expect(await refusal(push())).toContain('the hub answered 400');
    expect(hub.repos.get('mara/lab-dpo')?.commits).toEqual([]);
  });

  it('give up after five attempts', async () => {
    hub.faults.statuses = [500, 500, 500, 500, 500, 500];
    expect(await refusal(push())).toContain('the hub answered 500');
    expect(hub.log).toHaveLength(5);
  });

  it('name a hub that cannot be reached', async () => {
    await hub.close();
    expect(await refusal(push())).toMatch(
      /the hub at 127\.0\.0\.1:\d+ cannot be reached \(5 attempts\): .*ECONNREFUSED/,
    );
  });

  it.each(['lab-dpo', 'mara/', 'mara/../x', '../x', 'mara/a b', 'datasets/mara/x', 'https://x/y', 'mara/a--b'])(
    'refuse the name %s',
    async (repo) => {
      expect(await refusal(push({ repo }))).toContain('must look like owner/name');
    },
  );

  it('name a folder that is missing, empty or too deep', async () => {
    await rm(folder, { recursive: true });
    expect(await refusal(push())).toBe(`folder ${folder}: does not exist`);
    await mkdir(join(folder, 'a/b/c/d/e'), { recursive: true });
    expect(await refusal(push())).toContain('is more than 5 folders deep');
    await rm(join(folder, 'a'), { recursive: true });
    expect(await refusal(push())).toBe(`folder ${folder}: has no file to push`);
  });

  it('stop when told to', async () => {
    const controller = new AbortController();
    hub.faults.statuses = [503];
    const pushing = push({}, {}, controller.signal);
    pushing.catch(() => {});
    controller.abort(new Error('stopped by the user'));
    await expect(pushing).rejects.toThrow(/abort|stopped/i);
    expect(hub.repos.get('mara/lab-dpo')?.commits ?? []).toEqual([]);
  });
});

describe('forge push', () => {
  it('uploads and prints where to', async () => {
    const env = { HF_ENDPOINT: hub.url, HF_TOKEN: token, FORGE_HOME: join(dir, 'home') };
    const done = await forge(['push', 'adapter', '--repo', 'mara/lab-dpo'], { cwd: dir, env });
    expect(done).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\/mara\/lab-dpo: 4 files, 0\.3 MB, commit \w{12}\n/),
    });
    expect(hub.repos.get('mara/lab-dpo')?.isPrivate).toBe(true);
    const refused = await forge(['push', 'nowhere', '--repo', 'mara/lab-dpo', '--json'], { cwd: dir, env });
    expect(refused).toMatchObject({ code: 2, stderr: `forge: folder ${join(dir, 'nowhere')}: does not exist\n` });
    expect(`${done.stderr}${refused.stderr}`).not.toContain(token);
  });
});
