// Style effects that leave nothing of an element: filters, masks, clip paths, turned backs. Called by walk.
// Knows one element's computed style and box; what it cannot decide counts as seen.
import { coloursOf } from './colour.ts';
import type { Style } from './style.ts';

const OPACITY_MIN = 0.1;
const BLUR_EM_MAX = 0.5;
const SEEN_PX = 2;

/** True when a filter, mask, clip path or turned back paints nothing of the element that could be read. */
export function isEffacedBy({ raw, filter, transform }: Style, element: Element): boolean {
  const { clipPath, maskImage } = raw;
  if (filter !== 'none' && isFilteredAway(filter, raw)) return true;
  if (maskImage && maskImage !== 'none' && isMasked(raw)) return true;
  if (clipPath && clipPath !== 'none' && isCutByPath(clipPath, element.getBoundingClientRect())) return true;
  return isTurned(transform) && raw.backfaceVisibility === 'hidden';
}

/** The old `clip` property, which only positioned elements have. */
export function isCutByRect(clip: string): boolean {
  const parts = /^rect\((.*)\)$/.exec(clip)?.[1]?.split(/[ ,]+/);
  if (!parts) return false;
  const [top = 0, right = Number.NaN, bottom = Number.NaN, left = 0] = parts.map((part) => Number.parseFloat(part));
  return right - (left || 0) < SEEN_PX || bottom - (top || 0) < SEEN_PX;
}

function isFilteredAway(filter: string, style: CSSStyleDeclaration): boolean {
  const amount = (name: string): number => Number.parseFloat(new RegExp(`\\b${name}\\(([\\d.]+)`).exec(filter)?.[1] ?? 'NaN');
  if (amount('opacity') < OPACITY_MIN || amount('contrast') < OPACITY_MIN) return true;
  return amount('blur') > BLUR_EM_MAX * Number.parseFloat(style.fontSize);
}

function isMasked(style: CSSStyleDeclaration): boolean {
  if (/^0(px|%)?\b/.test(style.maskSize)) return true;
  const colours = coloursOf(style.maskImage);
  return colours !== null && colours.length > 0 && colours.every(([, , , alpha]) => alpha < OPACITY_MIN);
}

function isCutByPath(path: string, box: DOMRect): boolean {
  const [, shape, inside = ''] = /^(\w+)\(([^]*?)\)/.exec(path) ?? [];
  if (shape === 'inset' || shape === 'rect' || shape === 'xywh') return isCutByInset(shape, inside, box);
  if (shape === 'circle' || shape === 'ellipse') {
    const radii = (inside.split(' at ')[0] ?? '').split(' ').map((part) => length(part, Math.min(box.width, box.height)));
    return radii.some((radius) => radius * 2 < SEEN_PX);
  }
  return shape === 'polygon' && areaOf(inside, box) < SEEN_PX * SEEN_PX;
}

function isCutByInset(shape: string, inside: string, box: DOMRect): boolean {
  if (shape !== 'inset') return false; // computed values of rect() and xywh() are inset()
  const sides = (inside.split(' round ')[0] ?? '').trim().split(' ');
  const [top = '0', right = top, bottom = top, left = right] = sides;
  const width = box.width - length(left, box.width) - length(right, box.width);
  const height = box.height - length(top, box.height) - length(bottom, box.height);
  return width < Math.min(SEEN_PX, box.width) || height < Math.min(SEEN_PX, box.height);
}

function areaOf(polygon: string, box: DOMRect): number {
  const points = polygon
    .replace(/^(evenodd|nonzero),\s*/, '')
    .split(',')
    .map((point) => point.trim().split(' '))
    .map(([x = '', y = '']) => [length(x, box.width), length(y, box.height)] as const);
  if (points.flat().some(Number.isNaN)) return Number.POSITIVE_INFINITY;
  const doubled = points.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = points[(i + 1) % points.length] ?? [x, y];
    return sum + x * nextY - nextX * y;
  }, 0);
  return Math.abs(doubled) / 2;
}

/** Pixels of a length or a percentage of `whole`; NaN for what is neither. */
function length(css: string, whole: number): number {
  const value = Number.parseFloat(css);
  return css.endsWith('%') ? (value / 100) * whole : value;
}

/** The third axis of the element's own transform points away from the reader. */
function isTurned(transform: string): boolean {
  const parts = /^matrix3d\((.*)\)$/.exec(transform)?.[1]?.split(',').map(Number);
  return (parts?.[10] ?? 1) < 0;
}
