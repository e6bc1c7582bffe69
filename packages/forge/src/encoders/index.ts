import type { AnyDefinition } from '../definition.ts';
import type { CrossEncoder, Embedder, EncoderParts, Nli } from '../encoder.ts';
import { definition as crossEncoder } from './cross-encoder.ts';
import { definition as nliClassifier } from './nli-classifier.ts';
import { definition as none } from './none.ts';
import { definition as sentenceTransformer } from './sentence-transformer.ts';
import { definition as wordOverlap } from './word-overlap.ts';

export const embedders: readonly AnyDefinition<Embedder, EncoderParts>[] = [sentenceTransformer, none];
export const crossEncoders: readonly AnyDefinition<CrossEncoder, EncoderParts>[] = [crossEncoder];
export const nliModels: readonly AnyDefinition<Nli, EncoderParts>[] = [nliClassifier, wordOverlap];
