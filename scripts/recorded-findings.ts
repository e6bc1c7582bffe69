import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckedFinding } from '../packages/forge/src/check-finding.ts';
import { loadFindings } from '../packages/forge/src/findings-schema.ts';
import { evidence } from '../packages/forge/src/findings-text.ts';
import { markdownTable } from '../packages/forge/src/lib/format.ts';

export const root = join(import.meta.dirname, '..');

/** What `npm run reproduce` found last, as it is kept beside the report. */
export const recordedFile = join(root, 'docs/report/findings.json');

export interface RecordedFindings {
  /** sha256 (hex) of each file that the results rest on, by path: where one has changed, they are stale. */
  readonly sources: Readonly<Record<string, string>>;
  readonly machine: string;
  readonly findings: readonly CheckedFinding[];
}

const sha256 = (file: string) =>
  createHash('sha256')
    .update(readFileSync(join(root, file)))
    .digest('hex');

/** Findings files with what they speak of, in the order in which it is measured: what is measured in speed alone comes last. */
export async function findingsFiles(): Promise<{ file: string; measured: string }[]> {
  const kinds = ['experiment', 'training', 'benchmark'];
  const names = readdirSync(join(root, 'findings')).filter((name) => name.endsWith('.yaml'));
  const loaded = [];
  for (const name of names.sort()) {
    const { source } = await loadFindings(join(root, 'findings', name));
    loaded.push({
      file: `findings/${name}`,
      measured: join('findings', source.file),
      kind: kinds.indexOf(source.kind),
    });
  }
  return loaded.sort((a, b) => a.kind - b.kind);
}

/** Findings files, the files that they name, the lab world, and the checksums of the bundled models. */
export async function sourcesOf(): Promise<Record<string, string>> {
  const findings = await findingsFiles();
  const world = readdirSync(join(root, 'datasets/lab-world'))
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => `datasets/lab-world/${name}`);
  const rest = ['corpora/lab-world.yaml', 'models/sha256sums.txt'];
  const files = new Set([...findings.flatMap(({ file, measured }) => [file, measured]), ...world, ...rest]);
  return Object.fromEntries([...files].sort().map((file) => [file, sha256(file)]));
}

/** Questions, claims and what was measured. */
export function findingsTable(findings: readonly CheckedFinding[]): string {
  const rows = findings.flatMap(({ question, claims, departures }) =>
    claims.map((claim, i) => {
      const asked = i === 0 ? [question, ...departures.map((one) => `Departure: ${one}.`)].join(' ') : '';
      return [asked, `\`${claim.claim}\``, evidence(claim), `**${claim.verdict}**`];
    }),
  );
  // Texts, to be read from the left; markdownTable is for figures.
  return markdownTable(['question', 'claim', 'measured', 'verdict'], rows).replace(
    /^(\|-+)[|:-]+$/m,
    '|---|---|---|---|',
  );
}
