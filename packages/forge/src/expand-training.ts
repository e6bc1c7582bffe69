import type { z } from 'zod';
import { ConfigError } from './errors.ts';
import { canonicalJson } from './lib/canonical-json.ts';
import type { YamlSource } from './lib/yaml-source.ts';
import { type TrainingFile, trainingSchema } from './training-schema.ts';
import { type TrainingSettings, trainingSettings } from './training-settings.ts';

/** One run of a training, everything resolved. JSON. */
export interface TrainingRunSpec {
  /** e.g. `beta=0.05, rows=200, seed=2`; `seed=1` where nothing else varies. */
  readonly variant: string;
  /** The variant without its seed: runs of one group are repeats of each other. `main` where nothing varies. */
  readonly group: string;
  /** What the ablation varies, with this run's values. */
  readonly varied: Readonly<Record<string, string | number>>;
  /** Of the setting that the file states, not of its ablation. */
  readonly main: boolean;
  /** null = all rows that validation and test leave. */
  readonly trainRows: number | null;
  readonly settings: TrainingSettings;
}

const maxRuns = 1000;

const valueAt = (value: unknown, key: string): unknown =>
  key.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], value);

/** A copy of a value with the value at a dotted key replaced. */
function withValue(value: unknown, key: string, replacement: unknown): Record<string, unknown> {
  const [head = '', ...rest] = key.split('.');
  const object = value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  const inner = rest.length === 0 ? replacement : withValue(object[head], rest.join('.'), replacement);
  return { ...object, [head]: inner };
}

/** How a key is called in names: its last part, where no other key ends so; the rows of `split.train` are `rows`. */
function labelsOf(keys: readonly string[]): Map<string, string> {
  const short = (key: string) => (key === 'split.train' ? 'rows' : (key.split('.').at(-1) ?? key));
  return new Map(
    keys.map((key) => [key, keys.filter((other) => short(other) === short(key)).length > 1 ? key : short(key)]),
  );
}

const shownValue = (value: unknown): string | number =>
  typeof value === 'number' || typeof value === 'string' ? value : (JSON.stringify(value) ?? 'all');

const settingKeys = Object.keys(trainingSettings.shape).filter((key) => key !== 'seed');

type Settings = Pick<TrainingFile, 'split'> & Omit<TrainingSettings, 'seed'>;

/** The file's settings with some keys changed, checked anew. Throws ConfigError at the line of the ablation's key. */
function settingsWith(yaml: YamlSource, changes: readonly (readonly [key: string, value: unknown, index: number])[]) {
  let raw = yaml.value as Record<string, unknown>;
  for (const [key, value] of changes) raw = withValue(raw, key, value);
  const parsed = trainingSchema.safeParse(raw);
  if (parsed.success) return parsed.data satisfies Settings;
  const issue = parsed.error.issues[0] as z.core.$ZodIssue;
  const path = issue.path.join('.');
  const blamed = changes.find(([key]) => path.startsWith(key) || key.startsWith(path)) ?? changes[0];
  const [key = '', value, index = 0] = blamed ?? [];
  throw new ConfigError(
    `${yaml.where(['ablation', key, index])}: ablation.${key}: ${JSON.stringify(value)} is not allowed: ${issue.message}`,
  );
}

function checkKeys(yaml: YamlSource, keys: readonly string[]): void {
  for (const key of keys) {
    const [head = ''] = key.split('.');
    if (key === 'split.train' || settingKeys.includes(head)) continue;
    throw new ConfigError(
      `${yaml.where(['ablation', key])}: ablation.${key}: cannot be varied. Known keys: split.train, ${settingKeys.join(', ')}, and what is in them, such as objective.beta`,
    );
  }
}

type Change = readonly [key: string, value: unknown, index: number];

function combinationsOf(mode: 'one-at-a-time' | 'grid', values: readonly (readonly [string, readonly unknown[]])[]) {
  const single = ([key, list]: (typeof values)[number]) =>
    list.map((value, index): readonly Change[] => [[key, value, index]]);
  if (mode === 'one-at-a-time') return values.flatMap(single);
  return values.reduce<(readonly Change[])[]>(
    (all, entry) => all.flatMap((one) => single(entry).map((change) => [...one, ...change])),
    [[]],
  );
}

/** Every run of a file: the main setting, then those of the ablation, each with every seed. Throws ConfigError. */
export function expandTraining(yaml: YamlSource, file: TrainingFile): TrainingRunSpec[] {
  const { mode = 'one-at-a-time', ...varied } = file.ablation ?? {};
  const values = Object.entries(varied) as (readonly [string, readonly unknown[]])[];
  const keys = values.map(([key]) => key);
  checkKeys(yaml, keys);
  const labels = labelsOf(keys);
  const settings = new Map<string, { variation: Record<string, string | number>; settings: Settings }>();
  const count = mode === 'grid' ? values.reduce((n, [, list]) => n * list.length, 1) : values.flat(2).length;
  if (count * file.seeds.length > maxRuns)
    throw new ConfigError(
      `${yaml.where(['ablation'])}: ablation: over ${maxRuns} trainings; vary less, or one at a time`,
    );
  for (const changes of [[], ...(values.length === 0 ? [] : combinationsOf(mode, values))]) {
    const one: Settings = settingsWith(yaml, changes);
    const variation = Object.fromEntries(keys.map((key) => [labels.get(key) ?? key, shownValue(valueAt(one, key))]));
    const key = canonicalJson(variation);
    if (!settings.has(key)) settings.set(key, { variation, settings: one });
  }
  return [...settings.values()].flatMap(({ variation, settings: one }, position) => {
    const group = Object.entries(variation).map(([key, value]) => `${key}=${value}`);
    return file.seeds.map((seed) => ({
      variant: [...group, `seed=${seed}`].join(', '),
      group: group.length === 0 ? 'main' : group.join(', '),
      varied: variation,
      main: position === 0,
      trainRows: one.split.train ?? null,
      settings: trainingSettings.parse({ ...pickSettings(one), seed }),
    }));
  });
}

const pickSettings = (settings: Settings) =>
  Object.fromEntries(Object.entries(settings).filter(([key]) => settingKeys.includes(key)));
