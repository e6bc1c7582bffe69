import { messageOf } from '../errors.ts';
import { executeProbe } from '../execute-probe.ts';
import { formatCount, formatDuration, textTable } from '../lib/format.ts';
import { loadExperiment } from '../load-experiment.ts';
import { planExperiment } from '../plan-experiment.ts';
import { ExitCode } from './report-error.ts';
import { openWorkspace } from './workspace.ts';

export async function validate(files: readonly string[], options: { json?: boolean }): Promise<void> {
  const results = [];
  for (const file of files) {
    try {
      const { spec, configHash } = await loadExperiment(file);
      results.push({
        file,
        ok: true,
        name: spec.name,
        variants: spec.variants.map((variant) => variant.variant),
        configHash,
      });
    } catch (error) {
      if ((error as Error).name !== 'ConfigError') throw error;
      results.push({ file, ok: false, error: messageOf(error) });
    }
  }
  if (options.json) console.log(JSON.stringify(results, null, 2));
  else {
    for (const result of results) {
      if (result.ok)
        console.log(`ok  ${result.file}  ${result.variants?.length} variants: ${result.variants?.join(', ')}`);
      else console.error(`forge: ${result.error}`);
    }
  }
  if (results.some((result) => !result.ok)) throw new ExitCode(2);
}

export async function plan(file: string, options: { probe?: number; json?: boolean }): Promise<void> {
  const { spec } = await loadExperiment(file);
  const { surroundings, clock, random } = openWorkspace();
  const plans = await planExperiment(spec, surroundings);
  const probes =
    options.probe === undefined ? [] : await executeProbe(spec, options.probe, { surroundings, clock, random });
  if (options.json) {
    console.log(
      JSON.stringify(
        { variants: plans.map((one, i) => ({ ...one, ...(probes[i] === undefined ? {} : { probe: probes[i] }) })) },
        null,
        2,
      ),
    );
    return;
  }
  const header = ['variant', 'rows', 'calls', 'prompt tokens', 'completion tokens', 'time', 'detectable effect'];
  const rows = plans.map((one, i) => {
    const probe = probes[i];
    const scale = probe === undefined ? 0 : one.rows / Math.max(1, probe.examples);
    return [
      one.variant,
      formatCount(one.rows),
      formatCount(probe === undefined ? one.calls : probe.calls * scale),
      `~${formatCount(probe === undefined ? one.promptTokens : probe.promptTokens * scale)}`,
      probe === undefined
        ? `<= ${formatCount(one.completionTokensAtMost)}`
        : `~${formatCount(probe.completionTokens * scale)}`,
      probe === undefined ? '?' : `~${formatDuration(probe.wallMs * scale)}`,
      `${(100 * one.detectableEffect).toFixed(1)} points`,
    ];
  });
  console.log(textTable(header, rows));
  console.log(
    '\nDetectable effect: the smallest true difference that a paired comparison finds with 80 % power, in the worst case.',
  );
  if (options.probe === undefined)
    console.log(
      'Prompt tokens are estimated at 4 characters each. For time and real token counts: forge plan --probe 8',
    );
}
