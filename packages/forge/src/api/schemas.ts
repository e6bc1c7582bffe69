/** The shapes of the HTTP API: requests are checked with them, the OpenAPI document and the dashboard's client are made from them. */
export * from './catalog-schemas.ts';
export * from './corpus-schemas.ts';
export * from './experiment-schemas.ts';
export * from './problem-schema.ts';
export * from './run-schemas.ts';
