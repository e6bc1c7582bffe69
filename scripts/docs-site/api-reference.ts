import { accessRules } from '../../packages/forge/src/api/access-rules.ts';
import { createApi, openApiInfo } from '../../packages/forge/src/api/app.ts';
import { code, entriesHtml, headingHtml, inlineHtml, slugOf } from './html.ts';
import type { Page } from './page.ts';
import { defaultNote, type JsonSchema, type LinkOf, schemaEntries, typeHtml } from './schema-rows.ts';

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: JsonSchema }>>;
}
interface Operation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    name: string;
    in: string;
    required?: boolean;
    description?: string;
    schema: JsonSchema;
  }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content & { readonly description: string }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

const linkOf: LinkOf = (reference) => {
  const name = reference.split('/').at(-1) ?? '';
  return `<a href="#schema-${slugOf(name)}">${name}</a>`;
};

const schemasOf = ({ content = {} }: Content) => Object.entries(content);

const parametersHtml = ({ parameters = [] }: Operation) =>
  entriesHtml(
    parameters.map(({ name, in: place, required, description, schema }) => ({
      name,
      notes: [place, typeHtml(schema, linkOf), defaultNote(schema, required === true && place !== 'path')],
      text: inlineHtml(description ?? schema.description ?? ''),
    })),
  );

function bodyHtml({ requestBody }: Operation): string {
  return schemasOf(requestBody ?? {})
    .map(([type, { schema = {} }]) => `<p>Body, ${code(type)}:</p>\n${schemaEntries(schema, linkOf)}`)
    .join('');
}

function responsesHtml({ responses }: Operation): string {
  const entries = Object.entries(responses).map(([status, response]) => ({
    name: status,
    notes: schemasOf(response).map(([type, { schema }]) =>
      schema === undefined ? code(type) : typeHtml(schema, linkOf),
    ),
    text: inlineHtml(response.description),
  }));
  // What a page or a list has besides its items stands in the schema itself, not in a component.
  const own = schemasOf(responses[200] ?? {}).map(([, { schema = {} }]) => schemaEntries(schema, linkOf));
  const bodies = own.filter((one) => one !== '').map((one) => `<p>Body of 200:</p>\n${one}`);
  return `<p>Answers:</p>\n${entriesHtml(entries)}${bodies.join('')}`;
}

function operationHtml(route: string, operation: Operation): string {
  const rule = accessRules[route];
  const role = rule === undefined ? '' : ` Role: ${code(rule.role)}.`;
  const text = [operation.summary, operation.description].filter((one) => one !== undefined).join('. ');
  return `${headingHtml(3, slugOf(route), code(route))}<p>${inlineHtml(text)}.${role}</p>\n${parametersHtml(operation)}${bodyHtml(operation)}${responsesHtml(operation)}`;
}

/** Routes by tag, then the shapes of what they answer, from the OpenAPI document of the server's own routes. */
export function apiPage(version: string): Page {
  // Routes use what they are given when a request comes; none is sent here.
  const api = createApi({ version } as Parameters<typeof createApi>[0], {} as Parameters<typeof createApi>[1]);
  const { paths, components } = api.getOpenAPI31Document(openApiInfo(version)) as unknown as Document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, operation })),
  );
  const byTag = Map.groupBy(operations, ({ operation }) => operation.tags?.[0] ?? 'Other');
  const routes = [...byTag].map(
    ([tag, members]) =>
      `${headingHtml(2, slugOf(tag), inlineHtml(tag))}${members.map(({ route, operation }) => operationHtml(route, operation)).join('')}`,
  );
  const shapes = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `${headingHtml(3, `schema-${slugOf(name)}`, name)}<p>${inlineHtml(schema.description ?? '')}</p>\n${schemaEntries(schema, linkOf) || `<p>${typeHtml(schema, linkOf)}</p>\n`}`,
  );
  const intro = `<p>Below ${code('/api')} of ${code('forge serve')}; the same, to try out, at ${code('/docs')}, as a document at ${code('/api/openapi.json')}. Errors are problem details (RFC 9457). Who may do what: <a href="../access.html">access</a>.</p>\n`;
  return {
    path: 'reference/http-api.html',
    title: 'HTTP API',
    html: `<h1>HTTP API</h1>\n${intro}${routes.join('')}${headingHtml(2, 'shapes', 'Shapes')}${shapes.join('')}`,
  };
}
