export interface PackageSize {
  /** Bytes. */
  readonly packed: number;
  readonly unpacked: number;
  readonly files: number;
}

/** A tenth above what was measured: 23.5 MB, 31.4 MB, 855 files. Models are 23 MB of it, the dashboard 2.3 MB, the program 2.2 MB, the guide 1.3 MB. */
const budget: PackageSize = { packed: 26e6, unpacked: 34.5e6, files: 940 };

const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
const shown = { packed: mb, unpacked: mb, files: String };

/** What is more than it may be, in words. */
export function overBudget(size: PackageSize): string[] {
  const keys = ['packed', 'unpacked', 'files'] as const;
  return keys
    .filter((key) => size[key] > budget[key])
    .map((key) => `${key}: ${shown[key](size[key])}, may be ${shown[key](budget[key])}`);
}
