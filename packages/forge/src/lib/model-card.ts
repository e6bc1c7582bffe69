import { stringify } from 'yaml';
import type { TrainingSettings } from '../training-settings.ts';
import { formatCount, markdownTable } from './format.ts';

interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** One metric on held-out rows, before training and after. A TrainingFigure is one. */
export interface CardFigure {
  readonly variant?: string;
  readonly label: string;
  /** Rows or examples behind it. */
  readonly n: number;
  readonly before: Interval | null;
  readonly after: Interval;
  /** Paired by row. */
  readonly difference: Interval | null;
  /** `share` (0 to 1) is printed in percent, anything else behind the number. */
  readonly unit: string;
}

/** What a model card says. Texts are plain, not Markdown. */
export interface ModelCard {
  readonly title: string;
  readonly summary: string;
  readonly kind: 'adapter' | 'model' | 'encoder';
  /** What it was trained from, as configs name it: `hf:owner/repo[@revision]`, or a path. */
  readonly base: string;
  readonly objective: TrainingSettings['objective']['name'];
  /** An identifier of the hub, e.g. `apache-2.0`; left out where it is not known. */
  readonly license?: string;
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly data: {
    readonly name: string;
    /** Repositories of the hub that it came from, `owner/name`. */
    readonly hubDatasets?: readonly string[];
    /** Rows of each split. */
    readonly rows: Readonly<Record<string, number>>;
    /** sha256 (hex) of the rows' content. */
    readonly fingerprint: string;
  };
  readonly figures: readonly CardFigure[];
  /** Where it comes from: training, experiments of the pairs, revisions, versions; in this order. */
  readonly lineage: Readonly<Record<string, string>>;
  readonly negativeResults: readonly string[];
  readonly limitations: readonly string[];
}

/** Plain text as Markdown that shows it: nothing in it becomes markup or HTML. Bars are the table's to escape. */
function escaped(text: string): string {
  return (
    text
      .replace(/\s+/g, ' ')
      .trim()
      .replace(/[\\`*_{}[\]#~!$]/g, '\\$&')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      // What would begin a list or a rule.
      .replace(/^(\d{1,9})(?=[.)](\s|$))|^(?=[-+=]([-+=\s]|$))/, '$1\\')
  );
}

function shown(value: number, unit: string): string {
  if (unit === 'share') return `${(100 * value).toFixed(1)} %`;
  return `${Number(value.toPrecision(4))} ${escaped(unit)}`.trim();
}

function interval(figure: Interval | null, unit: string): string {
  if (figure === null) return '';
  const { value, low, high } = figure;
  const points =
    unit === 'share' ? (one: number) => (100 * one).toFixed(1) : (one: number) => `${Number(one.toPrecision(4))}`;
  return `${shown(value, unit)} \\[${points(low)}, ${points(high)}\\]`;
}

const hubReference = /^hf:([\w.-]+\/[\w.-]+)(?:@.+)?$/;

const encoderTask = (objective: ModelCard['objective']) =>
  objective === 'contrastive'
    ? 'feature-extraction'
    : objective === 'listwise'
      ? 'text-ranking'
      : 'text-classification';

function frontMatter({ kind, base, objective, license, data }: ModelCard): string {
  const repo = hubReference.exec(base)?.[1];
  const values = {
    // A path would be taken for a repository of this name.
    ...(repo === undefined
      ? {}
      : { base_model: repo, base_model_relation: kind === 'adapter' ? 'adapter' : 'finetune' }),
    library_name: { adapter: 'peft', model: 'transformers', encoder: 'transformers.js' }[kind],
    pipeline_tag: kind === 'encoder' ? encoderTask(objective) : 'text-generation',
    ...(license === undefined ? {} : { license }),
    ...(data.hubDatasets === undefined || data.hubDatasets.length === 0 ? {} : { datasets: [...data.hubDatasets] }),
    tags: [...(kind === 'adapter' ? ['lora'] : []), objective, 'llm-forge'],
  };
  return `---\n${stringify(values, { lineWidth: 0, blockQuote: false })}---`;
}

function figureTable(figures: readonly CardFigure[]): string {
  const variants = figures.some(({ variant }) => variant !== undefined);
  const header = ['metric', ...(variants ? ['variant'] : []), 'n', 'before', 'after', 'difference'];
  const rows = figures.map((figure) => [
    escaped(figure.label),
    ...(variants ? [escaped(figure.variant ?? '')] : []),
    formatCount(figure.n),
    interval(figure.before, figure.unit),
    interval(figure.after, figure.unit),
    interval(figure.difference, figure.unit),
  ]);
  return markdownTable(header, rows);
}

const pairTable = (header: readonly [string, string], values: Readonly<Record<string, string | number | boolean>>) =>
  markdownTable(
    header,
    Object.entries(values).map(([key, value]) => [escaped(key), escaped(String(value))]),
  );

const list = (lines: readonly string[]) => lines.map((line) => `- ${escaped(line)}`).join('\n');

const use = {
  adapter: [
    'With PEFT: `AutoPeftModelForCausalLM.from_pretrained(folder)`. With llama.cpp: the GGUF of this adapter, where there is',
    'one, on a GGUF of the base model (`lora: [{path: adapter.gguf}]` of the llama-cpp engine).',
  ].join('\n'),
  model: 'With transformers: `AutoModelForCausalLM.from_pretrained(folder)`.',
  encoder: [
    'With transformers.js: `AutoModel` or `AutoModelForSequenceClassification`. In an experiment: the encoders sentence-transformer,',
    'cross-encoder and nli-classifier with this folder as `model`.',
  ].join('\n'),
};

/**
 * README.md of a trained adapter or model: front matter as the Hugging Face Hub reads it
 * (https://huggingface.co/docs/hub/model-cards), figures with 95 % intervals, settings, data, lineage.
 */
export function modelCard(card: ModelCard): string {
  const { title, summary, kind, base, figures, settings, data, lineage, negativeResults, limitations } = card;
  const rows = Object.fromEntries(
    Object.entries(data.rows).map(([split, count]) => [`rows, ${split}`, formatCount(count)]),
  );
  const sections: (readonly [string, string] | undefined)[] = [
    figures.length === 0
      ? undefined
      : [
          'Measured',
          `On held-out rows, with 95 % intervals; differences are paired by row.\n\n${figureTable(figures)}`,
        ],
    negativeResults.length === 0 ? undefined : ['What did not work', list(negativeResults)],
    limitations.length === 0 ? undefined : ['Limitations', list(limitations)],
    ['Use', use[kind]],
    ['Training', pairTable(['setting', 'value'], { base, objective: card.objective, ...settings })],
    ['Data', pairTable(['', ''], { 'training set': data.name, ...rows, 'content, sha256': data.fingerprint })],
    Object.keys(lineage).length === 0 ? undefined : ['Lineage', pairTable(['', ''], lineage)],
  ];
  const text = sections.flatMap((section) => (section === undefined ? [] : [`## ${section[0]}\n\n${section[1]}`]));
  return `${[frontMatter(card), `# ${escaped(title)}`, escaped(summary), ...text].join('\n\n')}\n`;
}
