// The import rules of the house: see docs/architecture.md.
const nouns = '(datasets|engines|encoders|indexes|retrievers|tools|methods|metrics|stores|trainers|training-sets)';
const contracts =
  'packages/forge/src/(dataset|engine|encoder|passage-index|retriever|tool|method|metric|store|run|definition|errors|page|training-set|training-settings|training-record|trainer|benchmark-record|load-point|worker-record|access-record)\\.ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'contracts-import-contracts-only',
      comment:
        'A contract file is types: it imports other contracts, zod and what a figure with its interval is, nothing else.',
      severity: 'error',
      from: { path: `^${contracts}` },
      to: { pathNot: [contracts, 'node_modules/zod', '^packages/forge/src/statistics/estimate\\.ts$'] },
    },
    {
      name: 'components-stand-alone',
      comment: 'A component imports contracts, lib and statistics; never the catalog, the runner, a door or a test.',
      severity: 'error',
      from: { path: `^packages/forge/src/${nouns}/`, pathNot: '\\.test\\.ts$' },
      to: {
        path: '^packages/forge/src/',
        pathNot: [contracts, `^packages/forge/src/(lib|statistics|autodiff)/`, `^packages/forge/src/${nouns}/`],
      },
    },
    {
      name: 'components-do-not-mix-nouns',
      severity: 'error',
      from: { path: `^packages/forge/src/${nouns}/`, pathNot: '\\.test\\.ts$' },
      to: { path: `^packages/forge/src/${nouns}/`, pathNot: '^packages/forge/src/$1/' },
    },
    {
      name: 'lib-is-below-everything',
      comment: 'lib holds functions that know no component, no runner and no door.',
      severity: 'error',
      from: { path: '^packages/forge/src/(lib|statistics)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^packages/forge/src/', pathNot: [contracts, '^packages/forge/src/(lib|statistics)/'] },
    },
    {
      name: 'autodiff-is-arithmetic',
      comment: 'Graphs, gradients and their execution: knows no model, no training and no component.',
      severity: 'error',
      from: { path: '^packages/forge/src/autodiff/', pathNot: '\\.test\\.ts$' },
      to: { path: '^packages/forge/src/', pathNot: ['^packages/forge/src/(autodiff|lib|errors)'] },
    },
    {
      name: 'runner-names-no-component',
      severity: 'error',
      from: { path: '^packages/forge/src/run-experiment\\.ts$' },
      to: { path: `^packages/forge/src/(${nouns}/|catalog|build|cli/|api/)` },
    },
    {
      name: 'nothing-imports-a-door',
      severity: 'error',
      from: { path: '^packages/forge/src/', pathNot: ['^packages/forge/src/(cli|api|testing)/'] },
      to: { path: '^packages/forge/src/(cli|api)/' },
    },
    {
      name: 'tests-are-not-imported',
      severity: 'error',
      from: { path: '^packages/forge/src/', pathNot: ['\\.test\\.ts$', '^packages/forge/src/testing/'] },
      to: { path: ['\\.test\\.ts$', '^packages/forge/src/testing/'] },
    },
    {
      name: 'dashboard-imports-types-only',
      comment: 'The dashboard speaks with the rest through HTTP; it shares the shapes of the answers.',
      severity: 'error',
      from: { path: '^packages/dashboard/', pathNot: '/e2e/' },
      to: { path: '^packages/forge/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'one-file-fetches',
      severity: 'error',
      from: { path: '^packages/dashboard/', pathNot: ['/lib/api\\.ts$', '/e2e/'] },
      to: { path: '^packages/forge/' },
    },
    {
      name: 'no-vague-names',
      comment: 'A folder or file called so says nothing about what is in it.',
      severity: 'error',
      from: {},
      to: { path: '(^|/)(utils?|helpers?|common|shared|types|misc)(/|\\.ts$)', pathNot: 'node_modules' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^packages/dashboard/(out|\\.next)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
