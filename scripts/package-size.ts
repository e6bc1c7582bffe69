export interface PackageSize {
  /** Bytes. */
  readonly packed: number;
  readonly unpacked: number;
  readonly files: number;
}

/** A tenth above what version 0.1.0 measures: 0 MB, 0 MB, 0 files. */
const budget: PackageSize = { packed: 26e6, unpacked: 36e6, files: 1000 };

/** What is more than it may be, in words. */
export function overBudget(size: PackageSize): string[] {
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const parts: [keyof PackageSize, (value: number) => string][] = [
    ['packed', mb],
    ['unpacked', mb],
    ['files', String],
  ];
  return parts.flatMap(([key, shown]) =>
    size[key] > budget[key] ? [`${key}: ${shown(size[key])}, may be ${shown(budget[key])}`] : [],
  );
}
