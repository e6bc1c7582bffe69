import { resolve } from 'node:path';
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { contentHash } from '../lib/canonical-json.ts';
import { createGuardedFetch, GuardedFetchError } from '../lib/guarded-fetch.ts';
import { hostPattern } from '../lib/host-pattern.ts';
import { reaching } from '../lib/option-reach.ts';
import type { Observation, ToolParts, ToolSet } from '../tool.ts';
import { createAnswerCache } from './wikipedia-search/answer-cache.ts';
import { compactDump } from './wikipedia-search/compact-dump.ts';
import { openDump } from './wikipedia-search/dump.ts';
import type { Found, Lookup } from './wikipedia-search/lookup.ts';
import { createMediaWiki } from './wikipedia-search/mediawiki.ts';

/** Searches of CirrusSearch may not be longer: https://www.mediawiki.org/wiki/Help:CirrusSearch */
const maxQueryChars = 300;
const maxBytes = 4_000_000;
const maxRedirects = 3;
const dayMs = 86_400_000;

const options = z.strictObject({
  baseUrl: reaching('address', z.url({ protocol: /^https?$/ }))
    .default('https://en.wikipedia.org')
    .describe('The wiki, e.g. https://de.wikipedia.org; its API is at /w/api.php.'),
  allowedHosts: z
    .array(z.string().min(1).max(300))
    .min(1)
    .max(50)
    .optional()
    .describe(
      'Hosts that may be spoken to: example.org, *.example.org, example.org:8080. The host of baseUrl when left out.',
    ),
  allowPrivate: z
    .boolean()
    .default(false)
    .describe('Whether these hosts may be on this machine or in a private network, e.g. a mirror.'),
  contact: z
    .string()
    .regex(/^[\x21-\x27\x2a-\x7e]+$/)
    .max(200)
    .optional()
    .describe('An e-mail or web address sent to the wiki. Wikimedia asks for one and serves those without it less.'),
  requestsPerSecond: z
    .number()
    .gt(0)
    .max(200)
    .default(5)
    .describe('For one wiki, by all runs of this process together.'),
  timeoutSeconds: z
    .number()
    .gt(0)
    .max(600)
    .default(15)
    .describe('Time of one call: waiting and trying again included.'),
  maxChars: z.int().min(100).max(20_000).default(2000).describe('Characters of one observation at most.'),
  cache: z
    .boolean()
    .default(true)
    .describe('Whether answers are kept on disk, so that a run can be repeated, also offline.'),
  cacheDays: z
    .number()
    .gt(0)
    .max(36_500)
    .optional()
    .describe(
      'Older answers are asked for again, and used only where the wiki cannot be reached. Never when left out.',
    ),
  dump: reaching('file', z.string().min(1))
    .optional()
    .describe(
      'A dump in place of the network: a .jsonl, .parquet or .csv file or a folder of them, with columns title and text (and redirect) as in the data set wikimedia/wikipedia.',
    ),
});

type Options = z.infer<typeof options>;

function observationOf(found: Found, query: string): string {
  if (found.kind === 'page') {
    const others = found.others.length === 0 ? '' : `\nOther pages: ${found.others.join('; ')}`;
    return `${found.title}\n${found.text || '(this page has no text)'}${others}`;
  }
  if (found.kind === 'ambiguous')
    return `"${found.title}" may mean:\n${found.candidates.map((title) => `- ${title}`).join('\n')}\nSearch for one of these.`;
  const { suggestions } = found;
  const hint = suggestions.length === 0 ? 'try fewer or other words' : `did you mean: ${suggestions.join('; ')}?`;
  return `nothing found for "${query}"; ${hint}`;
}

async function observe(lookup: Lookup, query: string, maxChars: number, signal: AbortSignal): Promise<Observation> {
  try {
    const text = observationOf(await lookup.find(query, signal), query);
    return { text: text.length > maxChars ? `${text.slice(0, maxChars)} ...` : text };
  } catch (error) {
    if (!(error instanceof GuardedFetchError)) throw error;
    return { text: `error: ${error.message}`, error: error.kind };
  }
}

/** https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy: client/version (contact) library/version */
const userAgentOf = (contact: string | undefined) =>
  `LLMForge/0.1 (${contact ?? 'no contact given'}) node/${process.versions.node}`;

function openLive(given: Options, parts: ToolParts): Lookup {
  const base = new URL(given.baseUrl);
  const allowedHosts = given.allowedHosts ?? [base.host];
  if (!allowedHosts.some((pattern) => hostPattern(pattern, 'allowedHosts')(base)))
    throw new ConfigError(
      `allowedHosts: ${allowedHosts.join(', ')} does not hold "${base.host}", the host of baseUrl; add it, or leave allowedHosts out`,
    );
  if (given.contact === undefined && /\.wiki\w+\.org$/.test(base.hostname))
    parts.notify({
      level: 'warning',
      message: `wikipedia-search: ${base.hostname} serves clients without a contact less; set contact to an e-mail or web address of yours`,
    });
  const { allowPrivate, maxChars, timeoutSeconds, cache, cacheDays, requestsPerSecond } = given;
  const timeoutMs = timeoutSeconds * 1000;
  const fetch = createGuardedFetch({
    allowedHosts,
    allowPrivate,
    privateHosts: parts.limits?.privateHosts,
    maxBytes,
    timeoutMs,
    maxRedirects,
  });
  const maxAgeMs = cacheDays === undefined ? Number.POSITIVE_INFINITY : cacheDays * dayMs;
  const site = createMediaWiki({
    baseUrl: base.href.replace(/\/+$/, ''),
    fetch,
    userAgent: userAgentOf(given.contact),
    requestsPerSecond,
    timeoutMs,
    now: parts.now,
    warn: (message) => parts.notify({ level: 'warning', message }),
    ...(cache
      ? { cache: createAnswerCache(resolve(parts.cacheDir, 'wikipedia', 'answers'), maxAgeMs, parts.now) }
      : {}),
  });
  const settings = { baseUrl: base.href, allowedHosts, allowPrivate, maxChars, timeoutSeconds, cache, cacheDays };
  return { ...site, fingerprint: contentHash(settings) };
}

async function openLocal(dump: string, { maxChars }: Options, parts: ToolParts): Promise<Lookup> {
  const { file, digest } = await compactDump(resolve(parts.baseDir, dump), parts);
  const articles = await openDump(file);
  return { ...articles, fingerprint: contentHash({ dump: digest, maxChars }) };
}

/**
 * The search of an encyclopedia as in ReAct (Yao et al. 2023, https://arxiv.org/abs/2210.03629): the first paragraph of the article
 * of that title, else of the best hit with the titles of the next ones.
 */
export const definition: Definition<ToolSet, ToolParts, typeof options> = {
  name: 'wikipedia-search',
  summary: 'First paragraph of a Wikipedia article, live or from a local dump.',
  options,
  async create(given, parts) {
    const lookup = given.dump === undefined ? openLive(given, parts) : await openLocal(given.dump, given, parts);
    return {
      fingerprint: `wikipedia-search 1 ${lookup.fingerprint}`,
      tools: [
        {
          name: 'wikipedia-search',
          description:
            'First paragraph of the Wikipedia article of a title, or about a topic, e.g. wikipedia-search[Apollo 11].',
          arguments: z.strictObject({ query: z.string().trim().min(1).max(maxQueryChars) }),
          call: ({ query }, signal) => observe(lookup, String(query), given.maxChars, signal),
        },
      ],
      close: lookup.close,
    };
  },
};
