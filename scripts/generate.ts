// Writes what is generated: the JSON Schemas of experiment, corpus, training, benchmark and findings files, and the sums of the bundled
// models. A test fails when they are stale.
import { writeFile } from 'node:fs/promises';
import {
  benchmarkJsonSchema,
  corpusJsonSchema,
  experimentJsonSchema,
  findingsJsonSchema,
  trainingJsonSchema,
} from '../packages/forge/src/json-schemas.ts';
import { modelSums } from './model-sums.ts';

const schemas = {
  'experiment.schema.json': experimentJsonSchema(),
  'corpus.schema.json': corpusJsonSchema(),
  'training.schema.json': trainingJsonSchema(),
  'benchmark.schema.json': benchmarkJsonSchema(),
  'findings.schema.json': findingsJsonSchema(),
};
for (const [name, schema] of Object.entries(schemas)) {
  await writeFile(new URL(`../packages/forge/${name}`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
  console.log(`written: packages/forge/${name}`);
}

await writeFile(new URL('../models/sha256sums.txt', import.meta.url), await modelSums());
console.log('written: models/sha256sums.txt');
