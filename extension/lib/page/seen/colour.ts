// CSS colours and how well a text stands out from what is behind it. Called by walk and hidden.
// Knows colours only; what it cannot read is unknown (null), never guessed.

/** Red, green, blue 0 to 255, alpha 0 to 1. */
export type Colour = readonly [number, number, number, number];

/** The colours that an area may show; null when that is not known (pictures). */
export type Colours = readonly Colour[] | null;

/** Below this contrast (WCAG, 1 to 21) nobody reads a text. */
export const CONTRAST_MIN = 1.15;

const WRITTEN = /(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch|color)\([^()]*\)|\btransparent\b/g;
const known = new Map<string, Colour | null>();
const KNOWN_MAX = 2_000;
let pixel: OffscreenCanvasRenderingContext2D | null = null;

export function parseColour(css: string): Colour | null {
  const remembered = known.get(css);
  if (remembered !== undefined) return remembered;
  if (known.size >= KNOWN_MAX) known.clear();
  const colour = fromRgb(css) ?? fromCanvas(css);
  known.set(css, colour);
  return colour;
}

/** The colours written in a `background-image` or `mask-image`; null when it has a picture. Empty for `none`. */
export function coloursOf(image: string): Colours {
  if (image === 'none' || image === '') return [];
  if (/url\(|image\(|image-set\(|element\(|paint\(/.test(image)) return null;
  const colours = (image.match(WRITTEN) ?? []).map(parseColour);
  return colours.some((colour) => colour === null) ? null : (colours as Colour[]);
}

export function over(top: Colour, bottom: Colour): Colour {
  const [, , , alpha] = top;
  const mix = (i: 0 | 1 | 2): number => top[i] * alpha + bottom[i] * (1 - alpha);
  return [mix(0), mix(1), mix(2), 1];
}

/** True when one of the colours can be told from one of those behind it. Unknown colours can. */
export function standsOut(front: Colours, behind: Colours): boolean {
  if (!front || !behind) return true;
  return front.some((colour) => behind.some((back) => contrast(over(colour, back), back) >= CONTRAST_MIN));
}

function contrast(one: Colour, other: Colour): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) + hueGap(one, other);
}

/** Luminance alone says that a pure red and a mid grey are one: a plain difference of channels counts too. */
function hueGap(one: Colour, other: Colour): number {
  const gap = Math.max(Math.abs(one[0] - other[0]), Math.abs(one[1] - other[1]), Math.abs(one[2] - other[2]));
  return gap > 60 ? 0.2 : 0;
}

function luminance([red, green, blue]: Colour): number {
  const linear = (value: number): number => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function fromRgb(css: string): Colour | null {
  if (css === 'transparent') return [0, 0, 0, 0];
  const parts = /^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.e-]+))?\)$/.exec(css);
  return parts ? [Number(parts[1]), Number(parts[2]), Number(parts[3]), Number(parts[4] ?? 1)] : null;
}

/** The browser's own reading of any other notation, from one painted pixel. */
function fromCanvas(css: string): Colour | null {
  if (typeof OffscreenCanvas === 'undefined' || css === '' || !CSS.supports('color', css)) return null;
  pixel ??= new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  if (!pixel) return null;
  pixel.clearRect(0, 0, 1, 1);
  pixel.fillStyle = css;
  pixel.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0, alpha = 0] = pixel.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha / 255];
}
