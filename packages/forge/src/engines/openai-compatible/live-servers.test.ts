import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe } from 'vitest';
import { startServer } from '../../lib/server-process.ts';
import { engineContract } from '../../testing/engine-contract.ts';
import { freePort } from '../../testing/free-port.ts';
import { openAiServerContract, openServer } from '../../testing/openai-server-contract.ts';

const root = fileURLToPath(new URL('../../../../..', import.meta.url));
const prompt =
  "Question: Vera has 58 stones. Vera buys 13. Vera sells 9. How many stones does Vera have now?\nLet's think step by step.";

/** `forge serve-model` with the lab model, as its users start it. One for all: a model takes seconds to load. */
async function startLab() {
  const port = await freePort();
  const command = ['forge', 'serve-model', 'models/lab/lab-world-2m.gguf', '--port', String(port), '--threads', '1'];
  const { stop } = await startServer({
    command,
    readyUrl: `http://127.0.0.1:${port}/health`,
    readyTimeoutMs: 120_000,
    cwd: root,
    env: process.env,
  });
  const options = { baseUrl: `http://127.0.0.1:${port}/v1`, model: 'lab-world-2m', api: 'completions', concurrency: 8 };
  return { options, stop };
}

let lab: Awaited<ReturnType<typeof startLab>>;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab?.stop());

openAiServerContract('forge serve-model', () => ({ options: lab.options, prompt }), [
  'scores',
  'load',
  'tokens',
  'cached-tokens',
  'token-ids',
]);

describe('through forge serve-model', () => {
  engineContract('openai-compatible', { prompt, create: () => openServer(lab.options) });
});

// FORGE_TEST_SERVER_URL=http://localhost:8000/v1 FORGE_TEST_SERVER_MODEL=name; FORGE_TEST_SERVER_OPTIONS={"api":"chat"} for more.
const { FORGE_TEST_SERVER_URL: baseUrl, FORGE_TEST_SERVER_MODEL: model, FORGE_TEST_SERVER_OPTIONS } = process.env;
describe.skipIf(baseUrl === undefined || model === undefined)(
  'a live server (skipped unless FORGE_TEST_SERVER_URL and FORGE_TEST_SERVER_MODEL name one)',
  () => {
    const options = { api: 'completions', ...JSON.parse(FORGE_TEST_SERVER_OPTIONS ?? '{}'), baseUrl, model };
    openAiServerContract(String(baseUrl), () => ({ options, prompt }), []);
  },
);
