import type { Generation } from '../../engine.ts';
import { type AnswerHead, streamedPiece, streamedRole, streamedUsage } from './answer.ts';
import { errorBody, modelServerProblemOf } from './problem.ts';

/**
 * An answer as server-sent events, while it is generated. Resolves with the first piece: what goes wrong before it rejects,
 * and can still be answered with a status of its own. `generate` gets a signal that fires when nobody reads any more.
 */
export async function streamAnswer(
  from: AnswerHead,
  includeUsage: boolean,
  generate: (gone: AbortSignal, onText: (piece: string) => void) => Promise<Generation>,
  onError: (error: unknown) => void,
): Promise<ReadableStream<Uint8Array>> {
  const gone = new AbortController();
  const encoder = new TextEncoder();
  const begun = Promise.withResolvers<void>();
  let out: ReadableStreamDefaultController<Uint8Array> | undefined;
  let sentChars = 0;
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
  const finished = generate(gone.signal, (piece) => {
    sentChars += piece.length;
    write(JSON.stringify(streamedPiece(from, piece, null)));
    begun.resolve();
  }).then(({ text, finishReason, usage }) => {
    write(JSON.stringify(streamedPiece(from, text.slice(sentChars), finishReason)));
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
