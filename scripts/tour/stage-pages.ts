import type { BrowserContext } from 'playwright-core';
import { barHeight } from './overlay.ts';

/** Pages of the film that are not the dashboard's. No such host is asked: the browser gets them from here. */
export const terminalUrl = 'http://tour.example/terminal';
export const cardUrl = 'http://tour.example/card';

const page = (style: string, body: string, script: string) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>LLM Forge</title><style>html, body { margin: 0; height: 100%; } ${style}</style></head>
<body>${body}<script>${script}</script></body></html>`;

const mono = 'ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace';

const terminal = page(
  `body { background: #11141b; color: #e8ebf2; box-sizing: border-box; }
   header { height: 38px; background: #232936; color: #aab3c5; font: 16px/38px Arial, sans-serif; text-align: center; }
   pre { margin: 0; padding: 16px 26px; height: calc(100vh - 38px - ${barHeight}px); box-sizing: border-box; overflow: hidden;
     font: 18px/26px ${mono};
     white-space: pre-wrap; overflow-wrap: anywhere; }
   b { color: #8fe3ae; font-weight: 400; } i { color: #fff; font-style: normal; font-weight: 700; }`,
  '<header>llm-forge</header><pre></pre>',
  `const screen = document.querySelector('pre');
   window.terminal = {
     write(text, look) {
       const last = screen.lastChild;
       if (look === undefined && last instanceof Text) last.data += text;
       else {
         const part = look === undefined ? new Text(text) : document.createElement(look);
         if (look !== undefined) part.append(text);
         screen.append(part);
       }
       screen.scrollTop = screen.scrollHeight;
     },
   };`,
);

const card = page(
  `body { background: #0d1220; color: #fff; display: grid; align-content: center; justify-items: center; gap: 22px;
     padding-bottom: ${barHeight}px; box-sizing: border-box; font-family: Arial, "Liberation Sans", sans-serif; text-align: center; }
   h1 { font-size: 84px; margin: 0; letter-spacing: -.02em; }
   p { font-size: 31px; line-height: 44px; margin: 0; max-width: 1100px; color: #d5daf0; white-space: pre-line; }
   pre { font: 28px/46px ${mono}; text-align: left; background: #1b2236; border: 1px solid #3a4468; border-radius: 12px; margin: 0;
     padding: 20px 32px; } pre:empty { display: none; }`,
  '<h1></h1><p></p><pre></pre>',
  `window.card = (title, text, code) => {
     for (const [tag, value] of [['h1', title], ['p', text], ['pre', code]]) document.querySelector(tag).textContent = value;
   };`,
);

export async function serveStagePages(context: BrowserContext): Promise<void> {
  for (const [url, body] of [
    [terminalUrl, terminal],
    [cardUrl, card],
  ] as const)
    await context.route(url, (route) => route.fulfill({ contentType: 'text/html', body }));
}
