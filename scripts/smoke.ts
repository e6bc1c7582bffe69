/**
 * Looks at a deployed server from outside, one line a check. Exit code 1 where one fails. It writes nothing and needs no more than a viewer.
 *
 * npm run smoke -- https://host         FORGE_TOKEN (or FORGE_TOKEN_FILE): needed unless everybody may read
 */
import { openSecrets } from '../packages/forge/src/cli/secrets.ts';
import { messageOf } from '../packages/forge/src/errors.ts';
import { smoke } from './smoke-checks.ts';

const marks = { ok: 'ok  ', skip: 'skip', fail: 'FAIL' };

function settings(): { url: string; token: string | undefined } {
  const [given = '', ...rest] = process.argv.slice(2);
  const url = URL.parse(given);
  if (rest.length > 0 || url === null || !/^https?:$/.test(url.protocol)) {
    console.error(
      `"${[given, ...rest].join(' ')}": give one address, e.g. npm run smoke -- https://forge.example (its token: FORGE_TOKEN)`,
    );
    process.exit(2);
  }
  try {
    return { url: url.origin, token: openSecrets(process.env).env.FORGE_TOKEN?.trim() || undefined };
  } catch (error) {
    console.error(messageOf(error));
    process.exit(2);
  }
}

const { url, token } = settings();
console.log(`${url}\n`);
let failed = 0;
for await (const { name, status, found, ms } of smoke(url, token)) {
  if (status === 'fail') failed++;
  console.log(`${marks[status]}  ${name.padEnd(18)}${`${ms.toFixed(0)} ms`.padStart(9)}  ${found}`);
}
console.log(failed === 0 ? '\nall is well' : `\n${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
