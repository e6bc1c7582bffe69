import { join } from 'node:path';
import { forgeVersion, root } from '../lib/installation.ts';
import type { Check } from './doctor/check.ts';
import { databaseChecks } from './doctor/database-check.ts';
import { backendChecks, modelsCheck } from './doctor/engine-checks.ts';
import {
  dashboardCheck,
  diskCheck,
  gpuCheck,
  homeCheck,
  nodeCheck,
  portCheck,
  pythonCheck,
} from './doctor/machine-checks.ts';
import { ExitCode } from './report-error.ts';
import { findServer } from './server-file.ts';
import { openWorkspace } from './workspace.ts';

const defaultPort = 4040;

const marks = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' };

function print(check: Check): void {
  console.log(`${marks[check.status]}  ${check.name.padEnd(16)}${check.found}`);
  if (check.mend !== undefined) console.log(`${' '.repeat(22)}-> ${check.mend}`);
}

/** Looks at what the laboratory needs of this machine, one line each. Exit code 1 where something fails. */
export async function doctor({ json = false }: { json?: boolean }): Promise<void> {
  const workspace = openWorkspace();
  const { home } = workspace;
  const checks: Check[] = [];
  const add = (...found: readonly Check[]) => {
    checks.push(...found);
    if (!json) found.forEach(print);
  };
  const server = (await findServer(home))?.url;
  add(nodeCheck(process.version), await homeCheck(home), await diskCheck(home));
  add(...(await databaseChecks(workspace, workspace.database === 'embedded' ? server : undefined)));
  add(await modelsCheck(join(root, 'models')));
  const gpu = await gpuCheck();
  add(gpu, ...(await backendChecks(!gpu.found.startsWith('none'))));
  add(await portCheck(defaultPort, server), await pythonCheck());
  add(dashboardCheck(join(root, 'packages', 'dashboard', 'out')));
  const failed = checks.filter(({ status }) => status === 'fail').length;
  if (json) console.log(JSON.stringify({ version: forgeVersion, ok: failed === 0, checks }, null, 2));
  if (failed > 0) throw new ExitCode(1);
}
