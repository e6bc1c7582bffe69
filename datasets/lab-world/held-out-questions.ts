import { committedFiles } from './test-rows.ts';
import type { Transcript } from './transcript.ts';
import type { World } from './world.ts';

function questionsOf(transcript: Transcript): string[] {
  const text = transcript.map((segment) => segment.text).join('');
  return [...text.matchAll(/^Question: (.*)$/gm)].map((match) => match[1] as string);
}

/**
 * Tells whether a transcript asks a question of the committed files. The train rows among them are few-shot examples and may be
 * trained on, but are left out as well.
 */
export function createHeldOutCheck(world: World): (transcript: Transcript) => boolean {
  const { rows } = committedFiles(world);
  const reserved = new Set(Object.values(rows).flatMap((lines) => lines.map((row) => row.question)));
  return (transcript) => questionsOf(transcript).some((question) => reserved.has(question));
}
