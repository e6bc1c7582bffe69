import { type Role, roles } from '../access-record.ts';

export interface AccessRule {
  /** The least role that may; `anyone`: also who is not signed in. */
  readonly role: Role | 'anyone';
  /** What writes or spends is in the audit log, and never allowed without a token where the server is public. */
  readonly effect: 'reads' | 'writes' | 'spends';
}

const reads = (role: AccessRule['role']): AccessRule => ({ role, effect: 'reads' });
const writes = (role: AccessRule['role']): AccessRule => ({ role, effect: 'writes' });
const spends = (role: AccessRule['role']): AccessRule => ({ role, effect: 'spends' });

/** Who may do what: every route of the API. A route that is not here keeps the server from starting. */
export const accessRules: Readonly<Record<string, AccessRule>> = {
  'GET /health': reads('anyone'),
  'GET /ready': reads('anyone'),
  'GET /session': reads('anyone'),
  'POST /session': writes('anyone'),
  'DELETE /session': writes('anyone'),

  'GET /openapi.json': reads('viewer'),
  'GET /overview': reads('viewer'),
  'GET /catalog': reads('viewer'),
  'GET /schema': reads('viewer'),
  'GET /experiments': reads('viewer'),
  'GET /experiments/facets': reads('viewer'),
  'GET /experiments/{id}': reads('viewer'),
  'GET /experiments/{id}/events': reads('viewer'),
  'GET /experiments/{id}/export': reads('viewer'),
  'GET /runs/{id}': reads('viewer'),
  'GET /runs/{id}/results': reads('viewer'),
  'GET /runs/{id}/results/{exampleId}': reads('viewer'),
  'GET /compare': reads('viewer'),
  'GET /trainings': reads('viewer'),
  'GET /trainings/{id}': reads('viewer'),
  'GET /trainings/{id}/events': reads('viewer'),
  'GET /training-runs/{id}': reads('viewer'),
  'GET /training-runs/{id}/events': reads('viewer'),
  'GET /benchmarks': reads('viewer'),
  'GET /benchmarks/{id}': reads('viewer'),
  'GET /corpora': reads('viewer'),
  'GET /workers': reads('viewer'),

  // Who cannot create has nothing to check.
  'POST /experiments/validate': reads('editor'),
  'POST /experiments/plan': spends('editor'),
  'POST /experiments': writes('editor'),
  'PUT /experiments/{id}': writes('editor'),
  'DELETE /experiments/{id}': writes('editor'),
  'POST /experiments/{id}/restore': writes('editor'),
  'POST /experiments/{id}/start': spends('editor'),
  'POST /experiments/{id}/resume': spends('editor'),
  'POST /experiments/{id}/cancel': writes('editor'),
  'POST /corpora/ingest': spends('editor'),
  'POST /retrieve': spends('editor'),

  'GET /audit': reads('admin'),
};

/** Of the pages at /docs, which are no part of the API. */
export const docsRole: Role = 'viewer';

/** True where a role includes the one that is needed. */
export const mayAs = (role: Role, needed: AccessRule['role']): boolean =>
  needed === 'anyone' || roles.indexOf(role) >= roles.indexOf(needed);
