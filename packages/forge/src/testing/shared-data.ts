import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Real data sets beside the checkout. They are not part of the project: tests that read them are skipped where they are absent. */
export const sharedData = fileURLToPath(new URL('../../../../../shared/data', import.meta.url));

export const hasSharedData = existsSync(sharedData);
