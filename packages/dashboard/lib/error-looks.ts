/** How each kind of failed call is drawn: a colour that stands out on both themes, and stripes at an angle of its own. */
const looks: Readonly<Record<string, { readonly color: string; readonly angle: number }>> = {
  failed: { color: '#cf3a46', angle: 45 },
  'bad-arguments': { color: '#b9690d', angle: 135 },
  'unknown-tool': { color: '#8e5bd0', angle: 90 },
  timeout: { color: '#8a7a12', angle: 0 },
  refused: { color: '#6b7887', angle: 20 },
  unparsable: { color: '#c9488a', angle: 70 },
  repeated: { color: '#2f86b8', angle: 110 },
};

/** Colour and angle of a kind of failure; grey for one that is not known. */
export const errorLook = (kind: string) => looks[kind] ?? { color: '#6b7887', angle: 160 };

const svg = 'http://www.w3.org/2000/svg';

/** Stripes as an SVG pattern: part of the drawing itself, so that they are in its download too. */
export function stripes(id: string, { color, angle }: ReturnType<typeof errorLook>): SVGPatternElement {
  const pattern = document.createElementNS(svg, 'pattern');
  const set = (element: Element, values: Readonly<Record<string, string | number>>) => {
    for (const [name, value] of Object.entries(values)) element.setAttribute(name, String(value));
  };
  const [back, line] = [document.createElementNS(svg, 'rect'), document.createElementNS(svg, 'rect')];
  set(pattern, { id, width: 7, height: 7, patternUnits: 'userSpaceOnUse', patternTransform: `rotate(${angle})` });
  set(back, { width: 7, height: 7, fill: color });
  set(line, { width: 2, height: 7, fill: 'var(--surface)', 'fill-opacity': 0.5 });
  pattern.append(back, line);
  return pattern;
}

/** The same as a CSS background. */
export const stripedBackground = ({ color, angle }: ReturnType<typeof errorLook>) =>
  `repeating-linear-gradient(${90 + angle}deg, color-mix(in srgb, var(--surface) 50%, ${color}) 0 2px, ${color} 2px 7px)`;
