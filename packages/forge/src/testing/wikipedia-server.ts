import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type AnswerName =
  | 'page'
  | 'normalized'
  | 'redirect'
  | 'disambiguation'
  | 'links'
  | 'missing'
  | 'invalid'
  | 'interwiki'
  | 'search'
  | 'suggestion'
  | 'nothing'
  | 'ratelimited'
  | 'toolong';

const answers = JSON.parse(readFileSync(new URL('wikipedia-answers.json', import.meta.url), 'utf8')) as Record<
  AnswerName,
  unknown
>;

/** An answer that goes wrong; the next request gets it. */
export interface WikipediaFault {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A fixture's name, or the body itself. */
  readonly body?: AnswerName | { readonly text: string };
}

/** By title as it is asked for; every other one is missing. */
const byTitle: Readonly<Record<string, AnswerName>> = {
  'Mira Tolan': 'page',
  'mira Tolan': 'normalized',
  'M. Tolan': 'redirect',
  Oster: 'disambiguation',
  'a<b': 'invalid',
  'de:Oster': 'interwiki',
};

/** By search; every other one finds nothing. */
const bySearch: Readonly<Record<string, AnswerName>> = {
  'clock of oster': 'search',
  'a<b': 'search',
  'de:Oster': 'search',
  'Mira|Tolan': 'search',
  'mirra tolann': 'suggestion',
};

function answerName(query: URLSearchParams): AnswerName {
  if (query.get('list') === 'search') return bySearch[query.get('srsearch') ?? ''] ?? 'nothing';
  if (query.get('prop') === 'links') return 'links';
  return byTitle[query.get('titles') ?? ''] ?? 'missing';
}

/**
 * Answers like the Action API of Wikipedia. The shapes beside this file are those that en.wikipedia.org gives with formatversion=2
 * (https://www.mediawiki.org/wiki/API:Query, API:Search, Extension:TextExtracts, Extension:Disambiguator); the articles are made up.
 */
export async function startWikipediaServer() {
  const faults: WikipediaFault[] = [];
  const log: { query: URLSearchParams; userAgent: string | undefined; atMs: number }[] = [];

  function fail(response: ServerResponse, { status, headers = {}, body }: WikipediaFault): void {
    const text = typeof body === 'string' ? JSON.stringify(answers[body]) : (body?.text ?? '');
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://wiki');
    log.push({ query: url.searchParams, userAgent: request.headers['user-agent'], atMs: performance.now() });
    const fault = faults.shift();
    if (fault !== undefined) return fail(response, fault);
    if (url.pathname !== '/w/api.php' || url.searchParams.get('formatversion') !== '2')
      return void response.writeHead(404).end();
    response
      .writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify(answers[answerName(url.searchParams)]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    log,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
