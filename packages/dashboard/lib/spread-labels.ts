const lineHeight = 14;

/** Moves labels down until none lies on another; positions in px. */
export function spreadLabels(points: readonly { x: number; y: number; label: string }[]): number[] {
  const placed: { x: number; y: number; width: number }[] = [];
  return points.map(({ x, y, label }) => {
    const width = 7 * label.length;
    let at = y;
    const hit = () =>
      placed.find((one) => x < one.x + one.width && one.x < x + width && Math.abs(one.y - at) < lineHeight);
    for (let other = hit(); other !== undefined; other = hit()) at = other.y + lineHeight;
    placed.push({ x, y: at, width });
    return at - y;
  });
}
