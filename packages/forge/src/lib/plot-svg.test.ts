import { parseDocument } from 'htmlparser2';
import { describe, expect, it } from 'vitest';
import { heatMapSvg } from './heat-map-svg.ts';
import { type Plot, plotSvg, ticksOf } from './plot-svg.ts';

type Parsed = { name?: string; attribs?: Record<string, string>; data?: string; children?: Parsed[] };

/** Every element of a picture with its text. */
function elements(svg: string) {
  const found: { name: string; attributes: Record<string, string>; text: string }[] = [];
  const visit = (node: Parsed): string => {
    const own = { name: node.name ?? '', attributes: node.attribs ?? {}, text: '' };
    if (own.name !== '') found.push(own);
    own.text = node.data ?? (node.children ?? []).map(visit).join('');
    return own.text;
  };
  visit(parseDocument(svg, { xmlMode: true }) as Parsed);
  return { all: found, of: (name: string) => found.filter((one) => one.name === name) };
}

const axis = { title: 'x', scale: 'linear', format: String } as const;
const plot = (changed: Partial<Plot> = {}): Plot => ({
  title: 'Speed & <latency>',
  description: 'what it "says"',
  x: axis,
  y: { ...axis, scale: 'log' },
  series: [
    {
      name: 'one',
      look: 0,
      line: 'solid',
      points: [
        { x: 1, y: 10, title: 'a <1>' },
        { x: 2, y: 1000, title: 'b', hollow: true, weight: 0 },
      ],
    },
  ],
  ...changed,
});

describe('ticksOf', () => {
  it('takes round values, at both ends too', () => {
    // As d3.ticks(0, 23, 9), d3.ticks(0, 0.7, 6), d3.ticks(20, 100, 6).
    expect(ticksOf('linear', 0, 23, 9)).toEqual([0, 5, 10, 15, 20]);
    expect(ticksOf('linear', 0, 0.7)).toEqual([0, 0.2, 0.4, 0.6]);
    expect(ticksOf('linear', 20, 100)).toEqual([20, 40, 60, 80, 100]);
    expect(ticksOf('log', 20, 3500)).toEqual([30, 100, 300, 1000, 3000]);
    expect(ticksOf('log', 1, 5)).toEqual([1, 2, 3, 5]);
  });
});

describe('plotSvg', () => {
  it('is a picture with a title and a description, texts escaped', () => {
    const svg = plotSvg(plot());
    const { all, of } = elements(svg);
    expect(all[0]).toMatchObject({ name: 'svg', attributes: { role: 'img', 'aria-labelledby': 'title description' } });
    expect(of('title').map(({ text }) => text)).toEqual(['Speed & <latency>', 'a <1>', 'b']);
    expect(of('desc')[0]?.text).toBe('what it "says"');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('puts values where the axes say', () => {
    const { of } = elements(plotSvg(plot()));
    const at = of('g').flatMap(
      ({ attributes }) => /translate\(([\d.]+) ([\d.]+)\)/.exec(attributes.transform ?? '') ?? [],
    );
    const marks = of('g').filter(({ attributes }) => attributes.stroke !== undefined);
    // The first is the legend's.
    const [, first, second] = marks.map(({ attributes }) =>
      /\(([\d.]+) ([\d.]+)\)/
        .exec(attributes.transform ?? '')
        ?.slice(1)
        .map(Number),
    );
    expect(at.length).toBeGreaterThan(0);
    const tick = (name: string) => of('text').find(({ text }) => text === name)?.attributes;
    expect(first?.[0]).toBeCloseTo(Number(tick('1')?.x), 0);
    expect(first?.[1]).toBeCloseTo(Number(tick('10')?.y) - 4, 0);
    expect(second?.[1]).toBeCloseTo(Number(tick('1000')?.y) - 4, 0);
    expect(marks[2]?.attributes).toMatchObject({ fill: 'var(--paper)', opacity: '0.3' });
  });

  it('keeps labels apart, and whiskers from stretching an axis out of sight', () => {
    const points = Array.from({ length: 6 }, (_, i) => ({
      x: 50 + i,
      y: 10,
      label: `label number ${i}`,
      title: `${i}`,
      xRange: [-1e6, 1e6] as const,
    }));
    const svg = plotSvg(plot({ series: [{ name: 'one', look: 0, line: 'none', points }] }));
    const labels = elements(svg)
      .of('text')
      .filter(({ text }) => text.startsWith('label'));
    const boxes = labels.map(({ attributes, text }) => {
      const [x, y, width] = [Number(attributes.x), Number(attributes.y), 6.9 * text.length];
      const left = attributes['text-anchor'] === 'end' ? x - width : x;
      return { left, right: left + width, y };
    });
    for (const [i, a] of boxes.entries()) {
      for (const b of boxes.slice(i + 1))
        expect(a.right <= b.left || b.right <= a.left || Math.abs(a.y - b.y) >= 12).toBe(true);
    }
    expect(
      elements(svg)
        .of('text')
        .map(({ text }) => text),
    ).toContain('60');
    expect(svg).not.toContain('1000000');
  });

  it('draws one point, and values of 0', () => {
    const one = { name: 'one', look: 9, line: 'solid' as const, points: [{ x: 0, y: 0, title: 'zero' }] };
    expect(plotSvg(plot({ y: axis, series: [one] }))).not.toMatch(/NaN|Infinity/);
    expect(plotSvg(plot({ series: [{ ...one, points: [{ x: 3, y: 7, title: 'one' }] }] }))).not.toMatch(/NaN|Infinity/);
  });

  it('breaks a long legend', () => {
    const series = Array.from({ length: 9 }, (_, look) => ({
      name: `an optimisation with a long name ${look}`,
      look,
      line: 'none' as const,
      points: [{ x: look, y: 1, title: '' }],
    }));
    const names = elements(plotSvg(plot({ series })))
      .of('text')
      .filter(({ text }) => text.startsWith('an optimisation'));
    expect(new Set(names.map(({ attributes }) => attributes.y)).size).toBe(5);
  });
});

describe('heatMapSvg', () => {
  it('colours by the logarithm of the ratio, faster and slower apart', () => {
    const cell = (ratio: number | null) => ({ ratio, lines: [String(ratio)], title: `ratio ${ratio}` });
    const svg = heatMapSvg({
      title: 't',
      description: 'd',
      rows: ['a', 'b'],
      columns: ['short', 'a very long name of an optimisation that has to be broken', 'c'],
      cells: [
        [cell(1), cell(4), cell(1000)],
        [cell(0.25), cell(null), cell(2)],
      ],
      footnote: 'f',
    });
    const fills = elements(svg)
      .of('rect')
      .filter(({ attributes }) => /fast|slow/.test(attributes.fill ?? ''))
      .map(({ attributes }) => [attributes.fill, Number(attributes.opacity)]);
    expect(fills).toEqual([
      ['var(--fast)', 0],
      ['var(--fast)', 0.3],
      ['var(--fast)', 0.6],
      ['var(--slow)', 0.3],
      ['var(--fast)', 0],
      ['var(--fast)', 0.15],
    ]);
    expect(
      elements(svg)
        .of('text')
        .map(({ text }) => text),
    ).toEqual(expect.arrayContaining(['a very long name of an optimisation', 'that has to be broken']));
  });
});
