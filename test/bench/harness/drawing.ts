/** Charts as one SVG, for a README: several small panels, each with figures over a quantity that grows by powers of ten. */

export interface Panel {
  readonly title: string;
  /** What grows. */
  readonly across: string;
  readonly lines: readonly { readonly name: string; readonly unit: string; readonly points: readonly Point[] }[];
}

export type Point = readonly [across: number, figure: number];

const WIDTH = 380;
const HEIGHT = 210;
const MARGIN = { left: 12, right: 12, bottom: 34 };
/** Where the first line's words stand, and how far below it the next one's. */
const LEGEND = { top: 34, step: 13 };
const PANELS_ACROSS = 2;
const COLOURS = ['#2563eb', '#c2410c', '#15803d'];

/** Each line has a height of its own, from 0 to its highest point: what shows is how it grows. The last figure is written out. */
export function drawPanels(panels: readonly Panel[]): string {
  const rows = Math.ceil(panels.length / PANELS_ACROSS);
  const size = { width: WIDTH * PANELS_ACROSS, height: HEIGHT * rows };
  const drawn = panels.map((panel, index) => {
    const x = (index % PANELS_ACROSS) * WIDTH;
    const y = Math.floor(index / PANELS_ACROSS) * HEIGHT;
    return `<g transform="translate(${x} ${y})">${drawPanel(panel)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="11" fill="#334155">`,
    `<title>${asText(panels.map(({ title }) => title).join('; '))}</title>`,
    `<rect width="${size.width}" height="${size.height}" fill="#ffffff"/>`,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

function drawPanel({ title, across, lines }: Panel): string {
  const all = lines.flatMap(({ points }) => points.map(([at]) => Math.log10(at)));
  const [from, to] = [Math.min(...all), Math.max(...all)];
  const left = MARGIN.left;
  const right = WIDTH - MARGIN.right - 8;
  const bottom = HEIGHT - MARGIN.bottom;
  const x = (at: number) => left + 14 + ((Math.log10(at) - from) / (to - from || 1)) * (right - left - 28);
  const ticks = [...new Set(lines.flatMap(({ points }) => points.map(([at]) => at)))];
  return [
    `<text x="${left}" y="18" font-size="13" font-weight="bold">${asText(title)}</text>`,
    `<path d="M${left} ${bottom}H${right}" stroke="#cbd5e1"/>`,
    ...ticks.map((at) => `<text x="${x(at).toFixed(0)}" y="${bottom + 14}" text-anchor="middle">${short(at)}</text>`),
    `<text x="${(left + right) / 2}" y="${bottom + 28}" text-anchor="middle" fill="#64748b">${asText(across)}</text>`,
    ...lines.map((line, index) => drawLine(line, index, { x, top: LEGEND.top + LEGEND.step * lines.length, bottom })),
  ].join('\n');
}

function drawLine(
  { name, unit, points }: Panel['lines'][number],
  index: number,
  { x, top, bottom }: { x: (at: number) => number; top: number; bottom: number },
): string {
  const colour = COLOURS[index % COLOURS.length];
  const highest = Math.max(...points.map(([, figure]) => figure)) || 1;
  // A little apart, so that two lines that do not grow can be told from each other.
  const y = (figure: number) => bottom - 6 - index * 5 - (figure / highest) * (bottom - top - 16);
  const path = points.map(
    ([at, figure], number) => `${number === 0 ? 'M' : 'L'}${x(at).toFixed(1)} ${y(figure).toFixed(1)}`,
  );
  const [first, last] = [points.at(0)?.[1] ?? 0, points.at(-1)?.[1] ?? 0];
  return [
    `<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="1.8"/>`,
    ...points.map(
      ([at, figure]) => `<circle cx="${x(at).toFixed(1)}" cy="${y(figure).toFixed(1)}" r="2.4" fill="${colour}"/>`,
    ),
    `<text x="${MARGIN.left}" y="${LEGEND.top + LEGEND.step * index}" fill="${colour}">${asText(name)}: ${short(first)} → ${short(last)} ${asText(unit)}</text>`,
  ].join('\n');
}

/** 1.5k, 20M, 0.35. */
function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(2))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(size >= 100 ? 3 : 2)));
}

function asText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
