// Writes what is generated from the code: the JSON Schemas of experiment and corpus files. A test fails when they are stale.
import { writeFile } from 'node:fs/promises';
import { corpusJsonSchema, experimentJsonSchema } from '../packages/forge/src/json-schemas.ts';

const schemas = { 'experiment.schema.json': experimentJsonSchema(), 'corpus.schema.json': corpusJsonSchema() };
for (const [name, schema] of Object.entries(schemas)) {
  await writeFile(new URL(`../packages/forge/${name}`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
  console.log(`written: packages/forge/${name}`);
}
