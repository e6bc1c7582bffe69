// The model process: a malformed model aborts it, and only it. Talks to its parent over IPC; ends with it.
import { rmSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { Llama, LlamaGrammar, LlamaGrammarEvaluationState, LlamaModel, Token } from 'node-llama-cpp';
import { EngineError, messageOf } from '../../errors.ts';
import { createLockstep } from './lockstep.ts';
import type { LoadOptions, ModelAnswer, ModelRequest } from './protocol.ts';
import { createScheduler, type Job } from './scheduler.ts';
import { scoreContinuation } from './score.ts';
import type { StateFolder } from './state-folder.ts';

const defaultContextSize = 2048;
const smallModelBytes = 64e6;
const maxGrammars = 64;
/** Values in blocks need flash attention; its default is left alone otherwise. */
const cacheTypes = {
  f16: {},
  bf16: { experimentalKvCacheKeyType: 'BF16', experimentalKvCacheValueType: 'BF16', flashAttention: true },
  q8_0: { experimentalKvCacheKeyType: 'Q8_0', experimentalKvCacheValueType: 'Q8_0', flashAttention: true },
} as const;
const send = (answer: ModelAnswer) => process.send?.(answer);

class OutOfMemory extends Error {}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;

/** Throws before gigabytes are asked for that the machine does not have, with the largest settings that would fit. */
function checkMemory(model: LlamaModel, sequences: number, contextSize: number): void {
  // By formula: the library's newer estimate builds a trial context, which took 40 s for one that is far too large.
  const { cpuRam } = model.fileInsights.estimateContextResourceRequirements({
    contextSize,
    sequences,
    modelGpuLayers: model.gpuLayers,
  });
  const available = totalmem() - model.size;
  if (cpuRam <= available) return;
  const share = Math.max(0, available) / cpuRam;
  const fits = [
    `batch ${Math.max(1, Math.floor(sequences * share))} at this contextSize`,
    `contextSize ${Math.max(16, Math.floor(contextSize * share))} at this batch`,
  ];
  throw new OutOfMemory(
    `the context needs about ${gigabytes(cpuRam)}, the machine has ${gigabytes(totalmem())}; about this would fit: ${fits.join(', or ')}`,
  );
}

async function load(options: LoadOptions) {
  const binding = await import('node-llama-cpp');
  // Threads beyond the cores only slow a CPU down; 0 leaves the choice to the context.
  const llama: Llama = await binding.getLlama({
    gpu: options.gpu,
    build: 'never',
    skipDownload: true,
    maxThreads: 0,
    progressLogs: false,
    logLevel: binding.LlamaLogLevel.error,
  });
  const model: LlamaModel = await llama.loadModel({
    modelPath: options.modelPath,
    ...(options.gpuLayers === 'auto' ? {} : { gpuLayers: options.gpuLayers }),
  });
  // A model this small is done with a step before a second thread has woken up.
  const threads = options.threads ?? (model.size < smallModelBytes ? 1 : llama.cpuMathCores);
  const sequences = options.invariant ? 1 : options.batch;
  const contextSize = options.contextSize ?? Math.min(model.trainContextSize, defaultContextSize);
  checkMemory(model, sequences, contextSize);
  const lockstep = createLockstep();
  const context = await model.createContext({
    sequences,
    contextSize,
    threads,
    batching: { itemPrioritizationStrategy: lockstep.share },
    // It would try ever smaller contexts for a minute: a setting that does not hold is an error instead.
    failedCreationRemedy: false,
    ...cacheTypes[options.kvCache],
    ...(options.lora.length === 0
      ? {}
      : { lora: { adapters: options.lora.map(({ path, scale }) => ({ filePath: path, scale })) } }),
  });
  const info = {
    contextSize: context.contextSize,
    threads,
    gpu: String(llama.gpu),
    gpuLayers: model.gpuLayers,
    bindingVersion: (await binding.getModuleVersion()) as string,
  };
  return { binding, llama, model, context, lockstep, info };
}

type Loaded = Awaited<ReturnType<typeof load>>;

/** Prompt to tokens, with the model's own start token, or inside its chat template. */
function createTokenizer({ binding, model }: Loaded, chat: boolean): (prompt: string) => Token[] {
  if (chat) {
    const wrapper = binding.resolveChatWrapper(model);
    return (prompt) =>
      wrapper
        .generateContextState({
          chatHistory: [
            { type: 'user', text: prompt },
            { type: 'model', response: [] },
          ],
        })
        .contextText.tokenize(model.tokenizer);
  }
  const { bos, shouldPrependBosToken } = model.tokens;
  return (prompt) => {
    const tokens = model.tokenize(prompt, false);
    return shouldPrependBosToken && bos !== null
      ? [bos, ...tokens]
      : tokens.length === 0 && bos !== null
        ? [bos]
        : tokens;
  };
}

/** Checks ids that came from outside: llama.cpp aborts the process for one that it does not know. Throws EngineError. */
function createIdCheck(model: LlamaModel): (ids: readonly number[]) => Token[] {
  let size: number | undefined;
  return (ids) => {
    size ??= [...model.iterateAllTokens()].length;
    const last = size - 1;
    const unknown = ids.find((id) => !Number.isInteger(id) || id < 0 || id > last);
    if (unknown !== undefined)
      throw new EngineError('bad-request', `token id ${unknown}: the model has the ids 0 to ${last}`);
    return [...ids] as Token[];
  };
}

/** A fresh state of a grammar for each request; the grammars themselves are parsed once. Throws EngineError where one cannot be. */
function createGrammars({ binding, llama, model }: Loaded) {
  const parsed = new Map<string, Promise<LlamaGrammar>>();
  return async (grammar: string | undefined): Promise<LlamaGrammarEvaluationState | undefined> => {
    if (grammar === undefined) return undefined;
    const known = parsed.get(grammar) ?? llama.createGrammar({ grammar });
    if (parsed.size >= maxGrammars) parsed.clear();
    parsed.set(grammar, known);
    try {
      return new binding.LlamaGrammarEvaluationState({ model, grammar: await known });
    } catch (error) {
      throw new EngineError('bad-request', `grammar: ${messageOf(error)}`);
    }
  };
}

function endToken({ tokens }: LlamaModel): Token {
  if (tokens.eos !== null) return tokens.eos;
  throw new EngineError('bad-request', 'the model has no end token: its GGUF file names none');
}

function serve(loaded: Loaded, options: LoadOptions, states: StateFolder | null): void {
  const { model, context, lockstep } = loaded;
  const tokenize = createTokenizer(loaded, options.chat);
  const checked = createIdCheck(model);
  const grammarState = createGrammars(loaded);
  const scheduler = createScheduler(model, context, { states, lockstep });
  const jobs = new Map<number, Job>();

  async function answer(message: Exclude<ModelRequest, { type: 'load' | 'cancel' | 'release' | 'close' }>) {
    switch (message.type) {
      case 'generate': {
        const { id, request, streams } = message;
        const onText = (piece: string, tokens: readonly number[]) => send({ type: 'text', id, piece, tokens });
        const job: Job = {
          request,
          prompt: request.promptTokens === undefined ? tokenize(request.prompt) : checked(request.promptTokens),
          grammar: undefined,
          cancelled: false,
          ...(streams && { onText }),
        };
        jobs.set(id, job);
        try {
          job.grammar = await grammarState(request.grammar);
          return await scheduler.generate(job);
        } finally {
          jobs.delete(id);
        }
      }
      case 'score': {
        const { prompt, continuation, ids, end } = message;
        const before = ids === undefined ? tokenize(prompt) : checked(ids.prompt);
        const whole = () => {
          if (ids !== undefined) return [...before, ...checked(ids.continuation)];
          // The template ends the user's message: what the model says follows it.
          if (options.chat) return [...before, ...model.tokenize(continuation, false)];
          return tokenize(prompt + continuation);
        };
        const scored = whole();
        if (end) scored.push(endToken(model));
        return scheduler.exclusive((sequence) => scoreContinuation(model, sequence, before, scored));
      }
      case 'encode':
        return message.start ? tokenize(message.text) : model.tokenize(message.text, false);
      case 'decode':
        return model.detokenize(checked(message.ids));
    }
  }

  process.on('message', (message: ModelRequest) => {
    if (message.type === 'close') {
      scheduler.drop();
      process.disconnect();
    } else if (message.type === 'cancel') {
      const job = jobs.get(message.id);
      if (job !== undefined) scheduler.cancel(job);
    } else if (message.type === 'release') {
      scheduler.release(message.session);
    } else if (message.type !== 'load') {
      answer(message).then(
        (result) => send({ type: 'done', id: message.id, result }),
        (error) => {
          const kind = error instanceof EngineError ? error.kind : 'bad-response';
          send({ type: 'failed', id: message.id, kind, message: messageOf(error) });
        },
      );
    }
  });
}

process.once('message', async (message: ModelRequest) => {
  if (message.type !== 'load') return;
  const { options, states } = message;
  // Without this a parent that was killed would leave its model process behind. Native threads do not end with exit handlers.
  process.on('disconnect', () => {
    if (states !== null) rmSync(states.path, { recursive: true, force: true });
    process.kill(process.pid, 'SIGKILL');
  });
  try {
    const loaded = await load(options);
    serve(loaded, options, states);
    send({ type: 'ready', info: loaded.info });
  } catch (error) {
    const outOfMemory =
      error instanceof OutOfMemory ||
      (error as Error)?.name === 'InsufficientMemoryError' ||
      /memory|VRAM/i.test(messageOf(error));
    send({ type: 'load-failed', reason: messageOf(error), outOfMemory });
  }
});
