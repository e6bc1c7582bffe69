import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import type { StateFolder } from './state-folder.ts';

/** The state of a sequence, in a file. */
export interface SavedState {
  /** What it certainly holds; the file may go on. */
  readonly tokens: readonly Token[];
}

interface StoredState extends SavedState {
  readonly file: StateFile;
  readonly bytes: number;
  /** Loads under way: it is not removed meanwhile. */
  readers: number;
}

interface StateFile {
  readonly path: string;
  close(): Promise<void>;
}

/** On Linux the file has no name once it is open, so the kernel frees it however this process ends. */
async function createFile(named: string): Promise<StateFile> {
  const handle: FileHandle = await open(named, 'wx+', 0o600);
  if (process.platform === 'linux') {
    await rm(named);
    return { path: `/proc/self/fd/${handle.fd}`, close: () => handle.close() };
  }
  await handle.close();
  return { path: named, close: () => rm(named, { force: true }) };
}

/**
 * Saved states up to a number of bytes, the least recently used one removed first. `forgotten` hears of each that is removed. Whatever
 * fails here (a full disk, say) only means that tokens are prefilled again.
 */
export function createStateStore(folder: StateFolder, forgotten: (state: SavedState) => void) {
  /** In the order of their last use. */
  const states = new Set<StoredState>();
  let bytes = 0;
  /** Learnt from the states saved so far. */
  let bytesPerToken = 0;
  let nextName = 0;

  async function makeRoom(wanted: number): Promise<void> {
    for (const state of states) {
      if (bytes + wanted <= folder.maxBytes) return;
      if (state.readers > 0) continue;
      states.delete(state);
      bytes -= state.bytes;
      forgotten(state);
      await state.file.close();
    }
  }

  return {
    /** The sequence's state, which holds these tokens; undefined where it cannot be kept. */
    async save(sequence: LlamaContextSequence, tokens: readonly Token[]): Promise<SavedState | undefined> {
      const expected = bytesPerToken * tokens.length;
      if (expected > folder.maxBytes) return undefined;
      let file: StateFile | undefined;
      try {
        await makeRoom(expected);
        file = await createFile(join(folder.path, String(nextName++)));
        const { fileSize } = await sequence.saveStateToFile(file.path);
        bytesPerToken = fileSize / Math.max(1, sequence.nextTokenIndex);
        if (fileSize > folder.maxBytes) throw new RangeError('larger than all that may be kept');
        const state: StoredState = { tokens, file, bytes: fileSize, readers: 1 };
        states.add(state);
        bytes += fileSize;
        await makeRoom(0);
        state.readers--;
        return state;
      } catch {
        await file?.close().catch(() => {});
        return undefined;
      }
    },
    /** False where the state could not be read; the sequence is empty then. */
    async load(sequence: LlamaContextSequence, saved: SavedState): Promise<boolean> {
      const state = saved as StoredState;
      if (!states.delete(state)) return false;
      states.add(state);
      state.readers++;
      try {
        await sequence.loadStateFromFile(state.file.path, { acceptRisk: true });
        return true;
      } catch {
        return false;
      } finally {
        state.readers--;
      }
    },
  };
}

export type StateStore = ReturnType<typeof createStateStore>;
