import type { ComponentSpec } from './definition.ts';
import { ConfigError } from './errors.ts';
import { canonicalJson } from './lib/canonical-json.ts';
import type { Lock } from './lib/lock-file.ts';
import type { VariantSpec } from './load-experiment.ts';
import type { Provenance } from './run.ts';

/** How a component is named in a lock file: its name and options, readable and stable. */
function pinKey(spec: ComponentSpec): string {
  return `${spec.name} ${canonicalJson(spec.options)}`;
}

/** Where an engine names a model, only that: batch size, threads and the like may change under a lock. */
function modelKey(spec: ComponentSpec): string {
  const { model, baseUrl = '' } = spec.options as { model?: string; baseUrl?: string };
  if (model === undefined) return pinKey(spec);
  return [spec.name, baseUrl, model].filter((part) => part !== '').join(' ');
}

/** The variant with its data set's revision replaced by the locked commit, where the lock has one. */
export function pinVariant(variant: VariantSpec, lock: Lock): VariantSpec {
  const revision = lock.datasets[pinKey(variant.dataset)]?.revision;
  if (revision === undefined || !('revision' in variant.dataset.options)) return variant;
  return { ...variant, dataset: { ...variant.dataset, options: { ...variant.dataset.options, revision } } };
}

/**
 * Holds a started run against the lock and adds what the lock does not have yet. Throws ConfigError where a data set or
 * a model is not what it was.
 */
export function checkAgainstLock(variant: VariantSpec, provenance: Provenance, lock: Lock): void {
  const datasetKey = pinKey(variant.dataset);
  const dataset = lock.datasets[datasetKey];
  const mend = 'If the change is meant, run again with --update-lock.';
  if (dataset !== undefined && dataset.fingerprint !== provenance.datasetFingerprint) {
    throw new ConfigError(
      `dataset ${variant.dataset.name}: its content is not what the lock file pins (${provenance.datasetFingerprint.slice(0, 12)}, locked ${dataset.fingerprint.slice(0, 12)}). ${mend}`,
    );
  }
  const model = lock.models[modelKey(variant.engine)];
  if (model !== undefined && model.digest !== provenance.modelDigest) {
    throw new ConfigError(
      `engine ${variant.engine.name}: the model is not what the lock file pins (${provenance.modelDigest.slice(0, 12)}, locked ${model.digest.slice(0, 12)}). ${mend}`,
    );
  }
  const components = lock.components ?? {};
  for (const [role, fingerprint] of Object.entries(provenance.components ?? {})) {
    const key = `${variant.variant} ${role}`;
    if (components[key] !== undefined && components[key] !== fingerprint) {
      throw new ConfigError(
        `variant ${variant.variant}: its ${role} is not made from what the lock file pins (corpus, index settings or a model changed). ${mend}`,
      );
    }
    components[key] = fingerprint;
  }
  if (Object.keys(components).length > 0) lock.components = components;
  lock.datasets[datasetKey] = {
    fingerprint: provenance.datasetFingerprint,
    ...(provenance.datasetRevision === undefined ? {} : { revision: provenance.datasetRevision }),
  };
  lock.models[modelKey(variant.engine)] = { digest: provenance.modelDigest };
}
