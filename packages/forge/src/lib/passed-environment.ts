import type { Surroundings } from '../definition.ts';
import { ConfigError } from '../errors.ts';

/** A value shorter than this is a switch, not a secret: blacking out every "1" would ruin what a tool says. */
const minSecretChars = 4;

/** Variables that a config names, for a process that gets no others. Throws ConfigError where one is not set. */
export function passedEnvironment(
  names: readonly string[],
  env: Surroundings['env'],
): { readonly variables: Record<string, string>; readonly secrets: readonly string[] } {
  const variables: Record<string, string> = {};
  for (const name of names) {
    const value = env[name];
    if (value === undefined || value === '')
      throw new ConfigError(`env: the environment variable ${name} is not set; set it, or leave it out of env`);
    variables[name] = value;
  }
  return { variables, secrets: Object.values(variables).filter((value) => value.length >= minSecretChars) };
}
