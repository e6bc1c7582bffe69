/** CSS pixels at the lower edge that captions take. */
export const barHeight = 108;

/** What the film draws over the page, kept from page to page by `Film`. */
export interface Overlaid {
  readonly scene: string;
  readonly caption: string;
  readonly cursor: { readonly x: number; readonly y: number };
}

/** What the overlay lends to the film, as `window.tour`. */
export interface PageTour {
  draw(overlaid: Overlaid): void;
  /** Moves what scrolls, so that an element stands `top` px below the upper edge; resolves when it does. */
  scroll(element: Element, top: number): Promise<void>;
}

declare global {
  interface Window {
    tour: PageTour;
    /** Of the film: what to draw on a page that has just opened. */
    tourState(): Promise<Overlaid>;
  }
}

/** Runs in every page before its own scripts, alone (nothing of this file is there): a caption bar, a cursor where the mouse is, a ring where it clicks. */
export function installOverlay(height: number): void {
  if (window !== window.top) return;
  const host = document.createElement('div');
  host.setAttribute('aria-hidden', 'true');
  const shadow = host.attachShadow({ mode: 'closed' });
  const own = new CSSStyleSheet();
  own.replaceSync(`
    :host { position: fixed; inset: 0; z-index: 2147483647; pointer-events: none; font-family: Arial, "Liberation Sans", sans-serif; }
    .bar { position: absolute; inset: auto 0 0 0; height: ${height}px; box-sizing: border-box; padding: 9px 48px 0; background: #0d1220;
      border-top: 3px solid #7c8aff; color: #fff; display: none; }
    .bar.on { display: block; }
    .scene { font-size: 16px; line-height: 20px; color: #b9c1ff; font-weight: 700; letter-spacing: .03em; }
    .caption { font-size: 25px; line-height: 32px; margin-top: 2px; text-wrap: balance; }
    svg { position: absolute; left: 0; top: 0; width: 28px; height: 28px; filter: drop-shadow(0 1px 2px #0008); }
    .ring { position: absolute; width: 36px; height: 36px; margin: -18px 0 0 -18px; border-radius: 50%; border: 3px solid #ff7a1a;
      box-sizing: border-box; animation: ring 500ms ease-out forwards; }
    @keyframes ring { from { transform: scale(.3); opacity: 1; } to { transform: scale(1.3); opacity: 0; } }
  `);
  shadow.adoptedStyleSheets = [own];
  const bar = document.createElement('div');
  bar.className = 'bar';
  const scene = document.createElement('div');
  scene.className = 'scene';
  const caption = document.createElement('div');
  caption.className = 'caption';
  bar.append(scene, caption);
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  const arrow = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  for (const [name, value] of [
    ['d', 'M2 1l7 20 3-8 8-3z'],
    ['fill', '#111'],
    ['stroke', '#fff'],
    ['stroke-width', '1.6'],
    ['stroke-linejoin', 'round'],
  ] as const)
    arrow.setAttribute(name, value);
  svg.append(arrow);
  shadow.append(bar, svg);

  const place = (x: number, y: number) => {
    svg.style.transform = `translate(${x - 2}px, ${y - 1}px)`;
  };
  addEventListener('mousemove', ({ clientX, clientY }) => place(clientX, clientY), true);
  addEventListener(
    'mousedown',
    ({ clientX, clientY }) => {
      const ring = document.createElement('div');
      ring.className = 'ring';
      ring.style.left = `${clientX}px`;
      ring.style.top = `${clientY}px`;
      shadow.append(ring);
      setTimeout(() => ring.remove(), 600);
    },
    true,
  );

  // In a terminal and before a title nobody points at anything.
  if (location.hostname.endsWith('.example')) svg.style.display = 'none';

  /** What can be scrolled by so far, the page itself in the end. */
  function scrolledBy(element: Element): Element {
    for (let up = element.parentElement; up !== null; up = up.parentElement) {
      const look = getComputedStyle(up).overflowY;
      if ((look === 'auto' || look === 'scroll') && up.scrollHeight > up.clientHeight + 1) return up;
    }
    return document.scrollingElement ?? document.documentElement;
  }

  window.tour = {
    draw(overlaid) {
      bar.classList.toggle('on', overlaid.caption !== '');
      scene.textContent = overlaid.scene;
      caption.textContent = overlaid.caption;
      place(overlaid.cursor.x, overlaid.cursor.y);
    },
    scroll(element, top) {
      const box = scrolledBy(element);
      const from = box.scrollTop;
      const by = Math.min(
        Math.max(element.getBoundingClientRect().top - top, -from),
        box.scrollHeight - box.clientHeight - from,
      );
      const lasts = Math.min(1800, 350 + Math.abs(by) * 1.1);
      const begun = performance.now();
      return new Promise((resolve) => {
        requestAnimationFrame(function move(now) {
          const part = Math.min(1, Math.max(0, (now - begun) / lasts));
          const eased = part < 0.5 ? 2 * part * part : 1 - 2 * (1 - part) * (1 - part);
          box.scrollTo({ top: from + by * eased, behavior: 'instant' });
          if (part < 1) requestAnimationFrame(move);
          else resolve();
        });
      });
    },
  };

  const room = new CSSStyleSheet();
  // The end of a page and of what lies over it can be scrolled above the bar.
  room.replaceSync(`body, [role=dialog] { padding-bottom: ${height + 20}px; }`);
  addEventListener('DOMContentLoaded', () => {
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, room];
    document.documentElement.append(host);
    void window.tourState().then((overlaid) => window.tour.draw(overlaid));
  });
}
