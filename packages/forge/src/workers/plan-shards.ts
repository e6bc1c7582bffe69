/** Examples of a shard at most: what is lost with a worker is done again, and a shard that is lost twice goes slowly. */
export const mostInShard = 128;
const leastInShard = 4;
/** So many shards for each place at an engine that is likely to be there keep all places busy to the end. */
const likelyPlaces = 32;

/**
 * Cuts the row indices of a run (ascending) into shards: ranges of about the same size, in order, each index in exactly
 * one. A pure function of its arguments. `size`: examples of a shard; left out, it depends on how many there are.
 */
export function planShards(indices: readonly number[], size?: number): number[][] {
  const wanted = size ?? Math.min(mostInShard, Math.max(leastInShard, Math.ceil(indices.length / likelyPlaces)));
  if (!Number.isInteger(wanted) || wanted < 1) throw new RangeError(`a shard of ${wanted} examples`);
  const shards = Math.ceil(indices.length / wanted);
  return Array.from({ length: shards }, (_, shard) =>
    indices.slice(Math.floor((shard * indices.length) / shards), Math.floor(((shard + 1) * indices.length) / shards)),
  );
}
