import { z } from 'zod';
import { messageOf } from '../../errors.ts';
import { type FetchAnswer, type GuardedFetch, GuardedFetchError } from '../../lib/guarded-fetch.ts';
import { pauseTurns, takeTurn } from '../../lib/rate-limit.ts';
import type { AnswerCache } from './answer-cache.ts';
import { type Found, firstParagraph, type Lookup, maxCandidates, maxHits } from './lookup.ts';

export interface MediaWikiParts {
  /** With https:// and without a slash at the end. */
  readonly baseUrl: string;
  readonly fetch: GuardedFetch;
  readonly userAgent: string;
  readonly requestsPerSecond: number;
  /** For one lookup: its requests, waiting and trying again. */
  readonly timeoutMs: number;
  readonly cache?: AnswerCache;
  /** ms since the epoch. */
  now(): number;
  warn(message: string): void;
}

/** One lookup's time. */
interface Call {
  /** Aborted by who called. */
  readonly caller: AbortSignal;
  /** The same, or the time is over. */
  readonly signal: AbortSignal;
  /** On the monotonic clock. */
  readonly endMs: number;
}

const maxAttempts = 5;
const firstDelayMs = 500;
/** Longest title, in UTF-8 bytes: https://www.mediawiki.org/wiki/Manual:Page_title */
const maxTitleBytes = 255;

/** The parts used of an answer in formatversion 2: https://www.mediawiki.org/wiki/API:Query, .../API:Search, .../Extension:TextExtracts */
const answerSchema = z.object({
  error: z.object({ code: z.string(), info: z.string() }).optional(),
  query: z
    .object({
      pages: z
        .array(
          z.object({
            title: z.string(),
            missing: z.boolean().optional(),
            invalid: z.boolean().optional(),
            extract: z.string().optional(),
            pageprops: z.object({ disambiguation: z.string().optional() }).optional(),
            links: z.array(z.object({ title: z.string() })).optional(),
          }),
        )
        .optional(),
      search: z.array(z.object({ title: z.string() })).optional(),
      searchinfo: z.object({ suggestion: z.string().optional() }).optional(),
    })
    .optional(),
});

type Answer = z.infer<typeof answerSchema>;
type Page = NonNullable<NonNullable<Answer['query']>['pages']>[number];

const failed = (message: string) => new GuardedFetchError('failed', message);

/** Retry-After: seconds, or a date. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
function askedToWaitMs({ headers }: FetchAnswer, nowMs: number): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function parseAnswer(body: string, host: string): Answer {
  try {
    return answerSchema.parse(JSON.parse(body));
  } catch {
    throw failed(`${host}: the answer is not one of a MediaWiki API; check baseUrl`);
  }
}

/** Names that hold the query's own words come first: "Mercury (planet)" before "Alchemical symbol". */
function candidatesOf(title: string, links: readonly string[]): string[] {
  const name = title.replace(/ \([^)]*\)$/, '').toLowerCase();
  const near = (link: string) => link.toLowerCase().includes(name);
  const others = links.filter((link) => link !== title);
  return [...others.filter(near), ...others.filter((link) => !near(link))].slice(0, maxCandidates);
}

/**
 * Articles of a live MediaWiki with the extensions of Wikipedia: a title, redirects followed, else what the site's own search finds.
 * Throws GuardedFetchError. Behaves as https://www.mediawiki.org/wiki/API:Etiquette asks.
 */
export function createMediaWiki(parts: MediaWikiParts): Omit<Lookup, 'fingerprint'> {
  const { host } = new URL(parts.baseUrl);

  /** An answer that is no success is tried again as long as the call's time allows. */
  async function fetchBody(url: string, { signal, endMs }: Call): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      await takeTurn(host, parts.requestsPerSecond, signal);
      const headers = { 'user-agent': parts.userAgent, accept: 'application/json' };
      const answer = await parts.fetch(url, { headers, contentTypes: ['application/json'], signal });
      const busy = answer.status === 429 || answer.status === 503;
      if (answer.status !== 200 && !busy) throw failed(`${host} answered ${answer.status}`);
      // The Action API says "too much" with status 200, too: https://www.mediawiki.org/wiki/API:Etiquette
      const code = busy ? String(answer.status) : parseAnswer(answer.text, host).error?.code;
      if (code === undefined || !(busy || ['ratelimited', 'maxlag'].includes(code))) return answer.text;
      const waitMs = askedToWaitMs(answer, parts.now()) ?? firstDelayMs * 2 ** (attempt - 1);
      pauseTurns(host, waitMs);
      if (attempt >= maxAttempts || performance.now() + waitMs >= endMs)
        throw failed(
          `${host} has too many requests (${code}) and wants to be asked again in ${Math.ceil(waitMs / 1000)} s, attempt ${attempt}; lower requestsPerSecond, set contact`,
        );
    }
  }

  async function remember(url: string, body: string): Promise<void> {
    await parts.cache?.write(url, body).catch((error) => {
      parts.warn(`wikipedia-search: an answer cannot be kept: ${messageOf(error)}`);
    });
  }

  /** The kept answer, else the site's; where the site cannot be reached, a kept one of any age. */
  async function ask(parameters: Readonly<Record<string, string>>, call: Call): Promise<NonNullable<Answer['query']>> {
    const query = new URLSearchParams({ action: 'query', format: 'json', formatversion: '2', ...parameters });
    const url = `${parts.baseUrl}/w/api.php?${query}`;
    const kept = await parts.cache?.read(url);
    const read = (body: string) => parseAnswer(body, host);
    if (kept?.fresh) return read(kept.body).query ?? {};
    try {
      const body = await fetchBody(url, call);
      const { error, query: result = {} } = read(body);
      if (error !== undefined) throw failed(`${host}: ${error.info} (${error.code})`);
      await remember(url, body);
      return result;
    } catch (error) {
      if (kept === undefined || call.caller.aborted) throw error;
      return read(kept.body).query ?? {};
    }
  }

  async function pageOf(title: string, call: Call): Promise<Page | undefined> {
    // A bar separates titles, and none has one.
    if (title.includes('|') || Buffer.byteLength(title) > maxTitleBytes) return undefined;
    const { pages } = await ask(
      {
        titles: title,
        redirects: '1',
        prop: 'extracts|pageprops',
        exintro: '1',
        explaintext: '1',
        ppprop: 'disambiguation',
      },
      call,
    );
    const page = pages?.[0];
    return page === undefined || page.missing || page.invalid ? undefined : page;
  }

  async function foundPage(page: Page, others: readonly string[], call: Call): Promise<Found> {
    const { title } = page;
    if (page.pageprops?.disambiguation === undefined)
      return { kind: 'page', title, text: firstParagraph(page.extract ?? ''), others };
    const { pages } = await ask({ titles: title, prop: 'links', plnamespace: '0', pllimit: 'max' }, call);
    const links = pages?.[0]?.links?.map((link) => link.title) ?? [];
    return { kind: 'ambiguous', title, candidates: candidatesOf(title, links) };
  }

  async function search(query: string, call: Call): Promise<Found> {
    const { search: hits = [], searchinfo } = await ask(
      { list: 'search', srsearch: query, srlimit: String(maxHits), srinfo: 'suggestion', srprop: '' },
      call,
    );
    const titles = hits.map(({ title }) => title);
    const [best, ...others] = titles;
    const page = best === undefined ? undefined : await pageOf(best, call);
    if (page !== undefined) return foundPage(page, others, call);
    const { suggestion } = searchinfo ?? {};
    return { kind: 'nothing', suggestions: suggestion === undefined ? others : [suggestion, ...others] };
  }

  return {
    async find(query, caller) {
      const timeout = AbortSignal.timeout(parts.timeoutMs);
      const signal = AbortSignal.any([caller, timeout]);
      const call = { caller, signal, endMs: performance.now() + parts.timeoutMs };
      try {
        const page = await pageOf(query, call);
        return page === undefined ? await search(query, call) : await foundPage(page, [], call);
      } catch (error) {
        if (caller.aborted || !timeout.aborted) throw error;
        throw new GuardedFetchError('timeout', `${host}: no answer within ${parts.timeoutMs / 1000} s`);
      }
    },
    close: async () => {},
  };
}
