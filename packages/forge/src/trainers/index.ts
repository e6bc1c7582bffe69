import type { AnyDefinition } from '../definition.ts';
import type { Trainer, TrainerParts } from '../trainer.ts';
import { definition as native } from './native.ts';
import { definition as nativeEncoder } from './native-encoder.ts';
import { definition as trl } from './trl.ts';

export const trainers: readonly AnyDefinition<Trainer, TrainerParts>[] = [native, nativeEncoder, trl];
