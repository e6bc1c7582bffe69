import type { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';

const noPagePolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Of every answer of a site, wherever it is served. Strict-Transport-Security is up to who speaks TLS: a proxy, a host. */
export function addSecurityHeaders(site: Hono): void {
  site.use(
    secureHeaders({
      strictTransportSecurity: false,
      xFrameOptions: 'DENY',
      referrerPolicy: 'same-origin',
      permissionsPolicy: { camera: [], microphone: [], geolocation: [] },
    }),
  );
  site.use(async (c, next) => {
    await next();
    // What is no page has no need to load or to be framed.
    if (!c.res.headers.has('content-security-policy')) c.header('content-security-policy', noPagePolicy);
  });
}
