import { open } from 'node:fs/promises';
import { ConfigError } from '../errors.ts';

const pickleName = /\.(bin|pt|pth|ckpt|pkl|pickle|joblib|npy|npz)$/i;

/** A pickle by its first bytes, whatever it is called: PyTorch's zip, a bare pickle of protocol 2 to 5, Python 2's text, PyTorch's old magic. */
export function isPickle(start: Uint8Array): boolean {
  const [first, second = 0] = start;
  const text = Buffer.from(start).toString('latin1');
  return (
    (first === 0x80 && second >= 2 && second <= 5) || // pickle, protocol 2 and later; the old PyTorch format is a row of such
    (text.startsWith('PK') && start[2] === 3 && start[3] === 4) || // zip: PyTorch since 1.6, and numpy's npz
    (first === 0x93 && text.startsWith('NUMPY', 1)) || // may hold pickled objects
    /^\(?[dl]p0\n|^c[\w.]+\n[\w.]+\n/.test(text) // protocol 0
  );
}

/** True for names that pickled weights go by. */
export const hasPickleName = (name: string): boolean => pickleName.test(name);

/** Refuses a file with weights that is a pickle: loading one runs whatever program is in it. Throws ConfigError naming `shown`. */
export async function refusePickle(path: string, shown: string): Promise<void> {
  const file = await open(path);
  try {
    const start = Buffer.alloc(64);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    if (!isPickle(start.subarray(0, bytesRead))) return;
  } finally {
    await file.close();
  }
  throw new ConfigError(
    `${shown}: its content is a pickle, whatever its name says; pickles are never loaded as they can run programs: take a version in safetensors or GGUF`,
  );
}
