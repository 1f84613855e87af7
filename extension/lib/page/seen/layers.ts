// What is painted over and behind a text besides its own ancestors: boxes moved on top of it, pictures, pseudo-elements. Called by walk and blocks.
// Filled while the page is walked, asked afterwards: what covers a text may stand behind it in the document.
import { type Box } from './clip.ts';
import { type Colours, coloursOf, parseColour, standsOut } from './colour.ts';

/** One positioned element or stacking context, inside `outer`. */
export interface Stack {
  element: Element;
  z: number;
  isContext: boolean;
  outer: Stack | null;
}

/** An element that paints its own box. `colours` is null for a picture. */
export interface Layer {
  element: Element;
  colours: Colours;
  isOpaque: boolean;
  /** Positioned or a stacking context of its own: only such boxes are painted over text. */
  stack: Stack | null;
  /** Fixed, sticky or in a dialog: it covers only for now. */
  isLoose: boolean;
}

/** A text as layers see it. */
export interface Painted {
  parent: Element;
  box: Box;
  stack: Stack | null;
  isLoose: boolean;
}

const BAND_PX = 512;
const BANDS_MAX = 64;
const COVERED_SHARE = 0.95;

export class Layers {
  private readonly byElement = new Map<Element, Layer>();
  private readonly pseudoColours = new Map<Element, Colours>();
  private bands: Map<number | 'tall', { layer: Layer; box: Box }[]> | null = null;

  add(layer: Layer): void {
    this.byElement.set(layer.element, layer);
    this.bands = null;
  }

  /** True when an opaque box hides the text for good. */
  isCovered(text: Painted): boolean {
    if (text.isLoose) return false;
    if (this.isUnderItsAncestors(text.stack)) return true;
    return this.near(text.box).some(
      ({ layer, box }) =>
        layer.isOpaque && !layer.isLoose && layer.stack?.element === layer.element && share(text.box, box) >= COVERED_SHARE &&
        !layer.element.contains(text.parent) && isAbove(layer.stack, text.stack),
    );
  }

  /** True when something that is no ancestor's background lies behind the text, and the text stands out from it. */
  standsOutElsewhere(front: Colours, text: Painted): boolean {
    for (let at: Element | null = text.parent; at; at = at.parentElement) if (standsOut(front, this.pseudoOf(at))) return true;
    return this.near(text.box).some(
      ({ layer, box }) => !layer.element.contains(text.parent) && share(text.box, box) >= 0.5 && standsOut(front, layer.colours),
    );
  }

  /** `z-index: -1` puts a text behind the backgrounds of its ancestors, up to the next stacking context. */
  private isUnderItsAncestors(stack: Stack | null): boolean {
    for (let at = stack; at; at = at.outer) {
      if (at.z >= 0) continue;
      let context = at.outer;
      while (context && !context.isContext) context = context.outer;
      for (let over = at.element.parentElement; over && over !== context?.element; over = over.parentElement) {
        if (getComputedStyle(over).isolation === 'isolate') break;
        if (this.byElement.get(over)?.isOpaque) return true;
      }
    }
    return false;
  }

  private near(box: Box): { layer: Layer; box: Box }[] {
    this.bands ??= this.sorted();
    const band = this.bands.get(Math.floor((box.top + box.bottom) / 2 / BAND_PX)) ?? [];
    return [...(this.bands.get('tall') ?? []), ...band].filter((other) => share(box, other.box) > 0);
  }

  private sorted(): Map<number | 'tall', { layer: Layer; box: Box }[]> {
    const bands = new Map<number | 'tall', { layer: Layer; box: Box }[]>();
    for (const layer of this.byElement.values()) {
      const box = layer.element.getBoundingClientRect();
      if (box.width === 0 || box.height === 0) continue;
      const [first, last] = [Math.floor(box.top / BAND_PX), Math.floor(box.bottom / BAND_PX)];
      const names = last - first > BANDS_MAX ? (['tall'] as const) : Array.from({ length: last - first + 1 }, (_unused, i) => first + i);
      for (const name of names) bands.set(name, [...(bands.get(name) ?? []), { layer, box }]);
    }
    return bands;
  }

  /** The backgrounds of an element's positioned pseudo-elements. */
  private pseudoOf(element: Element): Colours {
    const remembered = this.pseudoColours.get(element);
    if (remembered !== undefined) return remembered;
    const found = ['::before', '::after'].flatMap((name): (Colours | undefined)[] => {
      const style = getComputedStyle(element, name);
      if (style.content === 'none' || !/absolute|fixed/.test(style.position)) return [];
      const colour = parseColour(style.backgroundColor);
      return [coloursOf(style.backgroundImage), colour && colour[3] > 0.5 ? [colour] : []];
    });
    const colours = found.includes(null) ? null : (found as NonNullable<Colours>[]).flat();
    this.pseudoColours.set(element, colours);
    return colours;
  }
}

/** The share of `box` that lies under `cover`. */
function share(box: Box, cover: Box): number {
  const width = Math.min(box.right, cover.right) - Math.max(box.left, cover.left);
  const height = Math.min(box.bottom, cover.bottom) - Math.max(box.top, cover.top);
  return width <= 0 || height <= 0 ? 0 : (width * height) / ((box.right - box.left) * (box.bottom - box.top));
}

/** The painting order of CSS: contexts by z-index, then by their place in the document. */
function isAbove(cover: Stack, text: Stack | null): boolean {
  const [covers, texts] = [contextsOf(cover), contextsOf(text)];
  const at = covers.findIndex((context, i) => context !== texts[i]);
  const [one, other] = [covers[at], texts[at]];
  if (!one) return false;
  if (!other) return one.z >= 0;
  if (one.z !== other.z) return one.z > other.z;
  return (other.element.compareDocumentPosition(one.element) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
}

/** From the root inwards: every stacking context, and the innermost positioned element though it is none. */
function contextsOf(stack: Stack | null): Stack[] {
  const contexts: Stack[] = [];
  for (let at = stack; at; at = at.outer) if (at.isContext || contexts.length === 0) contexts.unshift(at);
  return contexts;
}
