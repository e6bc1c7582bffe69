// Writes what is generated from the code: the JSON Schema of experiment files. A test fails when it is stale.
import { writeFile } from 'node:fs/promises';
import { experimentJsonSchema } from '../packages/forge/src/experiment-json-schema.ts';

const file = new URL('../packages/forge/experiment.schema.json', import.meta.url);
await writeFile(file, `${JSON.stringify(experimentJsonSchema(), null, 2)}\n`);
console.log('written: packages/forge/experiment.schema.json');
