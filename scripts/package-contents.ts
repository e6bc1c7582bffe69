// What is in the npm package, and how sources become what Node runs below node_modules. The package is laid out as a clone is, so that every
// path that is right in a clone is right in it.
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { exampleFiles, schemaFiles } from '../packages/forge/src/cli/init-command.ts';

const sources = 'packages/forge/src';
const readme = 'packages/forge/README.md';

/** Relative paths in quotes: of imports, and of the files that threads and processes start with. */
const relativePath = (ending: string) => new RegExp(`(['"])(\\.{1,2}/[^'"\\n]*)\\.${ending}\\1`, 'g');

/** Types become blanks, so that lines and columns in a stack trace stay those of the source; paths to .ts become paths to .js. */
export const plainJavaScript = (source: string): string =>
  stripTypeScriptTypes(source).replace(relativePath('ts'), '$1$2.js$1');

const isShipped = (path: string) => !/\.test\.ts$|(^|\/)(testing|fixtures)\//.test(path);

/** All but the sources: paths from the root. */
function copiedFiles(root: string): string[] {
  const below = (pattern: string) => globSync(pattern, { cwd: root });
  return [
    'LICENSE',
    'CHANGELOG.md',
    ...exampleFiles,
    ...schemaFiles,
    'models/sha256sums.txt',
    ...below('docs/*.md'),
    ...below('datasets/lab-world/*.{test,train}.jsonl'),
    'datasets/lab-world/README.md',
    ...below('packages/forge/drizzle/*.sql'),
    'packages/forge/drizzle/meta/_journal.json',
    ...below('build/docs/**/*.*'),
    ...below('packages/dashboard/out/**/*.*').filter((path) => !path.endsWith('/built-from.txt')),
  ];
}

/** Throws where a built file names one that is not there. */
function checkPaths(target: string, built: readonly string[]): void {
  for (const file of built) {
    for (const [, , path] of readFileSync(join(target, file), 'utf8').matchAll(relativePath('js'))) {
      if (!existsSync(join(target, dirname(file), `${path}.js`)))
        throw new Error(`${file} names ${path}.js, which is not built`);
    }
  }
}

/** Writes the package below `target`, but for its package.json. */
export function writeContents(root: string, target: string): void {
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    writeFileSync(join(target, path), text);
  };
  const built: string[] = [];
  for (const path of globSync(`${sources}/**/*.*`, { cwd: root }).filter(isShipped)) {
    if (!path.endsWith('.ts')) {
      cpSync(join(root, path), join(target, path));
      continue;
    }
    const file = path.replace(/\.ts$/, '.js');
    write(file, plainJavaScript(readFileSync(join(root, path), 'utf8')));
    built.push(file);
  }
  checkPaths(target, built);
  for (const path of copiedFiles(root)) cpSync(join(root, path), join(target, path));
  cpSync(join(root, readme), join(target, 'README.md'));
}

interface Manifest {
  readonly [key: string]: unknown;
  readonly bin?: { readonly forge: string };
}

/** package.json of the package. `gitHead`: the commit that it is built from, which runs state as their origin. */
export function packageManifest(root: Manifest, forge: Manifest, gitHead: string) {
  const { name, version, description, license, type } = root;
  const main = `packages/forge/${forge.bin?.forge.replace(/\.ts$/, '.js')}`;
  return {
    name,
    version,
    description,
    keywords: ['llm', 'evaluation', 'benchmark', 'rag', 'agents', 'dpo', 'experiments', 'statistics'],
    license,
    type,
    bin: { [`${name}`]: main, forge: main },
    // A program, not a library: what is inside may change with every version.
    exports: { './package.json': './package.json' },
    engines: forge.engines,
    dependencies: forge.dependencies,
    gitHead,
  };
}
