import { messageOf } from '../errors.ts';
import { executeProbe } from '../execute-probe.ts';
import { formatCount, formatDuration, textTable } from '../lib/format.ts';

import { planExperiment } from '../plan-experiment.ts';
import { planTraining } from '../plan-training.ts';
import type { TrainingSpec } from '../training-spec.ts';
import { dataLines } from '../training-text.ts';
import { loadFile } from './load-file.ts';
import { ExitCode } from './report-error.ts';
import { openWorkspace } from './workspace.ts';

/** What a file falls into. */
const partsOf = { experiment: 'variants', training: 'runs', benchmark: 'cells' } as const;

/** `forge validate`: reads files and says what is wrong with each. Throws ExitCode. */
export async function validate(files: readonly string[], options: { json?: boolean }): Promise<void> {
  const results = [];
  for (const file of files) {
    try {
      const { kind, loaded } = await loadFile(file);
      const { spec, configHash } = loaded;
      const variants = ('variants' in spec ? spec.variants : spec.runs).map((one) => one.variant);
      results.push({ file, ok: true, kind, name: spec.name, variants, configHash });
    } catch (error) {
      if ((error as Error).name !== 'ConfigError') throw error;
      results.push({ file, ok: false, error: messageOf(error) });
    }
  }
  if (options.json) console.log(JSON.stringify(results, null, 2));
  else {
    for (const result of results) {
      if (result.ok)
        console.log(
          `ok  ${result.file}  ${result.variants?.length} ${result.kind === undefined ? '' : partsOf[result.kind]}: ${result.variants?.join(result.kind === 'experiment' ? ', ' : '; ')}`,
        );
      else console.error(`forge: ${result.error}`);
    }
  }
  if (results.some((result) => !result.ok)) throw new ExitCode(2);
}

async function showTrainingPlan(spec: TrainingSpec, json: boolean): Promise<void> {
  const planned = await planTraining(spec, openWorkspace().surroundings);
  if (json) return console.log(JSON.stringify(planned, null, 2));
  const { runs, data, steps, rows, leftOut, tokens, tokenUnit, parameters, memoryBytes, evaluations } = planned;
  const memory = memoryBytes === null ? 'the trainer cannot tell' : `about ${(memoryBytes / 1e9).toFixed(2)} GB`;
  const lines = [
    ...dataLines(data),
    `one run: ${formatCount(steps)} steps over ${formatCount(rows)} rows${leftOut === 0 ? '' : ` (${formatCount(leftOut)} too long)`}, ~${formatCount(tokens)} ${tokenUnit} through the model`,
    `trained: ${formatCount(parameters.trained)} of ${formatCount(parameters.total)} parameters; memory: ${memory}`,
    `${formatCount(runs.length)} runs: ${runs.join('; ')}`,
  ];
  console.log(lines.join('\n'));
  const rowsOf = evaluations.map((one) => [one.name, formatCount(one.examples), formatCount(one.models)]);
  if (rowsOf.length > 0) console.log(`\n${textTable(['evaluation', 'examples', 'models'], rowsOf)}`);
}

/** `forge plan`: what a file would cost, and what it could detect. Throws ConfigError. */
export async function plan(file: string, options: { probe?: number; json?: boolean }): Promise<void> {
  const { kind, loaded } = await loadFile(file);
  if (kind === 'training') return showTrainingPlan(loaded.spec, options.json === true);
  const spec: Parameters<typeof planExperiment>[0] = loaded.spec;
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
      one.rowsAtLeast < one.rows
        ? `${formatCount(one.rowsAtLeast)} to ${formatCount(one.rows)}`
        : formatCount(one.rows),
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
  if (plans.some(({ rows, rowsAtLeast }) => rowsAtLeast < rows))
    console.log(
      'Ends as soon as the comparisons are settled (compare.stop), at the latest with all rows: costs are those of all rows.',
    );
  if (options.probe === undefined)
    console.log(
      'Prompt tokens are estimated at 4 characters each. For time and real token counts: forge plan --probe 8',
    );
}
