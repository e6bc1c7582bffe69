import { ConfigError } from '../errors.ts';
import type { EncoderObjective, LanguageObjective, TrainingSettings } from '../training-settings.ts';

type Objective = TrainingSettings['objective'];

/** True for what trains an encoder rather than a language model. */
export const isEncoderObjective = (objective: Objective): objective is EncoderObjective =>
  objective.name === 'contrastive' || objective.name === 'listwise' || objective.name === 'classification';

/** The objective of a language model. Throws ConfigError for one of an encoder. */
export function languageObjective(objective: Objective, trainer: string): LanguageObjective {
  if (!isEncoderObjective(objective)) return objective;
  throw new ConfigError(
    `objective: ${objective.name} is for encoders, which the trainer ${trainer} does not train; take the trainer native-encoder`,
  );
}

/** The objective of an encoder. Throws ConfigError for one of a language model. */
export function encoderObjective(objective: Objective, trainer: string): EncoderObjective {
  if (isEncoderObjective(objective)) return objective;
  throw new ConfigError(
    `objective: ${objective.name} is for language models, which the trainer ${trainer} does not train; take the trainer native or trl, or one of contrastive, listwise, classification`,
  );
}
