import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type ModelCard, modelCard } from './model-card.ts';

const card: ModelCard = {
  title: 'dpo-lab',
  summary: 'Prefers short right answers.',
  kind: 'adapter',
  base: 'hf:owner/base-7b@v2',
  objective: 'dpo',
  license: 'apache-2.0',
  settings: { 'objective.beta': 0.1, 'lora.rank': 16, targets: 'q_proj, v_proj' },
  data: {
    name: 'hh-rlhf',
    hubDatasets: ['Anthropic/hh-rlhf'],
    rows: { train: 1800, validation: 100 },
    fingerprint: 'ab'.repeat(32),
  },
  figures: [
    {
      variant: 'beta=0.1, seed=1',
      label: 'preference accuracy',
      n: 1000,
      before: { value: 0.5, low: 0.469, high: 0.531 },
      after: { value: 0.8149, low: 0.789, high: 0.838 },
      difference: { value: 0.3149, low: 0.28, high: 0.35 },
      unit: 'share',
    },
    {
      label: 'reward margin',
      n: 1000,
      before: null,
      after: { value: 1.23456, low: 1.1, high: 1.36 },
      difference: null,
      unit: 'nats',
    },
  ],
  lineage: { training: '0198c2f2', 'pairs from': 'experiment 0198c2f1' },
  negativeResults: ['Facts: no difference beyond chance, 300 questions.'],
  limitations: ['Only the lab world.'],
};

/** The front matter as the hub parses it. */
const frontOf = (text: string) => parse(/^---\n([\s\S]*?\n)---\n/.exec(text)?.[1] ?? '');

describe('model card', () => {
  it('is front matter, figures, what did not work, limits, settings, data and lineage', () => {
    expect(modelCard(card)).toBe(`---
base_model: owner/base-7b
base_model_relation: adapter
library_name: peft
pipeline_tag: text-generation
license: apache-2.0
datasets:
  - Anthropic/hh-rlhf
tags:
  - lora
  - dpo
  - llm-forge
---

# dpo-lab

Prefers short right answers.

## Measured

On held-out rows, with 95 % intervals; differences are paired by row.

| metric | variant | n | before | after | difference |
|---|---:|---:|---:|---:|---:|
| preference accuracy | beta=0.1, seed=1 | 1,000 | 50.0 % \\[46.9, 53.1\\] | 81.5 % \\[78.9, 83.8\\] | 31.5 % \\[28.0, 35.0\\] |
| reward margin |  | 1,000 |  | 1.235 nats \\[1.1, 1.36\\] |  |

## What did not work

- Facts: no difference beyond chance, 300 questions.

## Limitations

- Only the lab world.

## Use

With PEFT: \`AutoPeftModelForCausalLM.from_pretrained(folder)\`. With llama.cpp: the GGUF of this adapter, where there is
one, on a GGUF of the base model (\`lora: [{path: adapter.gguf}]\` of the llama-cpp engine).

## Training

| setting | value |
|---|---:|
| base | hf:owner/base-7b@v2 |
| objective | dpo |
| objective.beta | 0.1 |
| lora.rank | 16 |
| targets | q\\_proj, v\\_proj |

## Data

|  |  |
|---|---:|
| training set | hh-rlhf |
| rows, train | 1,800 |
| rows, validation | 100 |
| content, sha256 | ${'ab'.repeat(32)} |

## Lineage

|  |  |
|---|---:|
| training | 0198c2f2 |
| pairs from | experiment 0198c2f1 |
`);
  });

  it('names no repository for a base model that is a folder, and leaves empty sections out', () => {
    const { license, ...rest } = card;
    const text = modelCard({
      ...rest,
      kind: 'model',
      base: 'models/lab',
      data: { ...card.data, hubDatasets: [] },
      figures: [],
      lineage: {},
      negativeResults: [],
      limitations: [],
    });
    expect(frontOf(text)).toEqual({
      library_name: 'transformers',
      pipeline_tag: 'text-generation',
      tags: ['dpo', 'llm-forge'],
    });
    expect(license).toBe('apache-2.0');
    expect([...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)).toEqual(['Use', 'Training', 'Data']);
  });

  it('shows hostile text as text', () => {
    const hostile = '---\n# <img src=x onerror=alert(1)> [a](javascript:b) `c` | *d* ![e](f) &lt; \\| $g$';
    const text = modelCard({
      ...card,
      title: hostile,
      summary: hostile,
      license: 'x\n---\nother: y',
      settings: { [hostile]: hostile },
      data: { ...card.data, name: hostile },
      lineage: { [hostile]: hostile },
      negativeResults: [hostile, '1. first', '+ second', '- third'],
    });
    const shown =
      '\\--- \\# &lt;img src=x onerror=alert(1)&gt; \\[a\\](javascript:b) \\`c\\` | \\*d\\* \\!\\[e\\](f) &amp;lt; \\\\| \\$g\\$';
    const body = text.slice(text.indexOf('\n# '));
    expect(body.startsWith(`\n# ${shown}\n\n${shown}\n`)).toBe(true);
    // In a table a bar that is not escaped would begin a cell.
    const cell = shown.replaceAll('|', '\\|');
    expect(body).toContain(`| ${cell} | ${cell} |\n`);
    expect(body).toContain('- 1\\. first\n- \\+ second\n- \\- third\n');
    expect(body).not.toMatch(/<|(?<!\\)[[\]*!$]\(/);
    expect(frontOf(text).license).toBe('x\n---\nother: y');
  });
});
