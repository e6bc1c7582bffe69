import { OpenAPIHono } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { messageOf } from '../errors.ts';
import type { Access } from './access.ts';
import { accessGuard, routesWithoutRule } from './access-guard.ts';
import { auditRoutes } from './audit-routes.ts';
import { benchmarkRoutes } from './benchmark-routes.ts';
import { boundedBody } from './bounded-body.ts';
import { catalogRoutes } from './catalog-routes.ts';
import { corpusRoutes } from './corpus-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { experimentRoutes } from './experiment-routes.ts';
import { HttpProblem, problemOf, problemResponse } from './problem.ts';
import type { ApiParts } from './routing.ts';
import { runRoutes } from './run-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { systemRoutes } from './system-routes.ts';
import { trainingEventRoutes } from './training-event-routes.ts';
import { trainingRoutes } from './training-routes.ts';
import { workerRoutes } from './worker-routes.ts';

const maxBodyBytes = 2 ** 20;

/** What the OpenAPI document says beside the routes. */
export const openApiInfo = (version: string) => ({
  openapi: '3.1.0' as const,
  info: {
    title: 'LLM Forge',
    version,
    description:
      'Experiments with language models: create, watch, read, compare; trainings and benchmarks: watch, read. Errors are problem details (RFC 9457).',
  },
  servers: [{ url: '/api' }],
  security: [{ token: [] }],
});

/** The HTTP API below /api, without a server around it: tests call it directly. */
export function createApi(parts: ApiParts, access: Access): OpenAPIHono {
  const api = new OpenAPIHono();
  // Before the body is read: who may not send one is not listened to.
  api.use(accessGuard(access, parts.store));
  api.use(
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: (c) => problemResponse(c, new HttpProblem(413, `the body is larger than ${maxBodyBytes} bytes`)),
    }),
  );
  api.use(boundedBody);
  // What is fixed goes before what has a parameter in the same place: validate and facets before an id.
  api.route('/', catalogRoutes(parts));
  api.route('/', experimentRoutes(parts));
  api.route('/', eventRoutes(parts));
  api.route('/', runRoutes(parts));
  api.route('/', trainingRoutes(parts));
  api.route('/', trainingEventRoutes(parts));
  api.route('/', benchmarkRoutes(parts));
  api.route('/', corpusRoutes(parts));
  api.route('/', workerRoutes(parts));
  api.route('/', systemRoutes(parts));
  api.route('/', sessionRoutes(parts, access));
  api.route('/', auditRoutes(parts));
  api.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' });
  api.doc31('/openapi.json', openApiInfo(parts.version));
  const missing = routesWithoutRule(api.routes);
  if (missing.length > 0) throw new Error(`access-rules.ts has no entry for ${missing.join(', ')}: say who may`);
  api.all('*', (c) =>
    problemResponse(c, new HttpProblem(404, `there is no ${c.req.method} ${c.req.path}; /docs shows what there is`)),
  );
  api.onError((error, c) => {
    const problem = problemOf(error);
    if (problem.status >= 500)
      parts.log(
        `${c.req.method} ${c.req.path}: ${problem.status === 500 ? (error.stack ?? messageOf(error)) : messageOf(error)}`,
      );
    return problemResponse(c, problem);
  });
  return api;
}
