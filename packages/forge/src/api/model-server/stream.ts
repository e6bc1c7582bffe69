import type { GenerateRequest, Generation } from '../../engine.ts';
import { type AnswerHead, streamedPiece, streamedRole, streamedUsage } from './answer.ts';
import { errorBody, modelServerProblemOf } from './problem.ts';

/**
 * An answer as server-sent events, while it is generated. Resolves with the first piece: what goes wrong before it rejects,
 * and can still be answered with a status of its own. `generate` gets a signal that fires when nobody reads any more.
 */
export async function streamAnswer(
  from: AnswerHead,
  { includeUsage, tokenIds }: { readonly includeUsage: boolean; readonly tokenIds: boolean },
  generate: (gone: AbortSignal, onText: NonNullable<GenerateRequest['onText']>) => Promise<Generation>,
  onError: (error: unknown) => void,
): Promise<ReadableStream<Uint8Array>> {
  const gone = new AbortController();
  const encoder = new TextEncoder();
  const begun = Promise.withResolvers<void>();
  let out: ReadableStreamDefaultController<Uint8Array> | undefined;
  let sentChars = 0;
  let sentTokens = 0;
  const events = new ReadableStream<Uint8Array>({
    start(controller) {
      out = controller;
    },
    cancel() {
      gone.abort();
    },
  });
  const write = (data: string) => {
    if (!gone.signal.aborted) out?.enqueue(encoder.encode(`data: ${data}\n\n`));
  };
  const end = () => {
    write('[DONE]');
    if (!gone.signal.aborted) out?.close();
  };
  if (from.chat) write(JSON.stringify(streamedRole(from)));
  const finished = generate(gone.signal, (piece, tokens = []) => {
    sentChars += piece.length;
    sentTokens += tokens.length;
    write(JSON.stringify(streamedPiece(from, piece, null, tokenIds ? tokens : undefined)));
    begun.resolve();
  }).then(({ text, finishReason, usage, tokens = [] }) => {
    const rest = tokenIds ? tokens.slice(sentTokens) : undefined;
    write(JSON.stringify(streamedPiece(from, text.slice(sentChars), finishReason, rest)));
    if (includeUsage) write(JSON.stringify(streamedUsage(from, usage)));
    end();
  });
  await Promise.race([begun.promise, finished]);
  finished.catch((error: unknown) => {
    onError(error);
    write(JSON.stringify(errorBody(modelServerProblemOf(error))));
    end();
  });
  return events;
}
