/**
 * `engines` of packages/forge/package.json says the same. What needs it: types stripped from the tools of users (22.18), module hooks (22.15),
 * the permission model (22.13).
 */
export const neededNode = '22.18.0';

/** `version`: such as 22.18.0 or v22.18.0. */
export function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const [neededMajor = 0, neededMinor = 0] = neededNode.split('.').map(Number);
  return major < neededMajor || (major === neededMajor && minor < neededMinor);
}
