import type { AnyDefinition } from '../definition.ts';
import type { Engine, EngineParts } from '../engine.ts';
import { definition as llamaCpp } from './llama-cpp.ts';
import { definition as openaiCompatible } from './openai-compatible.ts';
import { definition as scripted } from './scripted.ts';

export const engines: readonly AnyDefinition<Engine, EngineParts>[] = [llamaCpp, openaiCompatible, scripted];
