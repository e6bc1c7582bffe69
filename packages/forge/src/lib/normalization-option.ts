import { z } from 'zod';

/** The option that every text metric has. */
export const normalizationOption = z
  .enum(['squad', 'triviaqa', 'none'])
  .default('squad')
  .describe(
    'How texts are normalised before they are compared: as the SQuAD or the TriviaQA script does it, or not at all.',
  );
