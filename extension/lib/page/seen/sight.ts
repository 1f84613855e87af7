// Whether a person can see an element and the texts in it: styles, boxes, clips and colours carried down the tree. Called by walk.
// Decides by what is painted. What it cannot decide counts as seen; SECURITY.md says what that is.
import { type Box, type Clips, clipOf, documentClip, isInReach } from './clip.ts';
import { isWaitingSlide } from './collapsed.ts';
import { type Colour, type Colours, coloursOf, over, parseColour, standsOut } from './colour.ts';
import { isCutByRect, isEffacedBy } from './effects.ts';
import { Layers, type Stack } from './layers.ts';
import { type Style, styleOf } from './style.ts';

/** What an element hands down to its children. */
export interface Look {
  opacity: number;
  behind: Colours;
  /** The colours that `background-clip: text` gives the letters. */
  letters: Colours | undefined;
  clips: Clips;
  stack: Stack | null;
  isLoose: boolean;
  /** In a closed part that a visible control opens: it has no boxes yet. */
  isCollapsed: boolean;
  isVisible: boolean;
  /** The colours of the letters directly in the element, once asked for. */
  front: Colours | undefined;
}

export interface SeenPart {
  from: number;
  to: number;
  first: Box | null;
  last: Box | null;
  isSeen: () => boolean;
}

const OPACITY_MIN = 0.1;
const OPAQUE_MIN = 0.95;
const HEIGHT_PX_MIN = 4;
const ADVANCE_SHARE_MIN = 0.08;
const WHITE: Colour = [255, 255, 255, 1];
const DARK: Colour = [18, 18, 18, 1];
const OVERLAYS = 'dialog, [role="dialog"], [role="alertdialog"], [aria-modal="true"], [popover]';

export class Sight {
  private readonly layers = new Layers();
  private readonly isLaidOut: boolean;
  private readonly range: Range;

  constructor(private readonly document: Document) {
    this.isLaidOut = document.documentElement.clientWidth > 0;
    this.range = document.createRange();
  }

  start(root: Element): Look | null {
    const clip = this.isLaidOut ? documentClip(this.document) : null;
    let look: Look | null = {
      opacity: 1, behind: [this.canvas()], letters: undefined, clips: { flow: clip, absolute: clip, fixed: clip }, stack: null, isLoose: false, isCollapsed: false, isVisible: true, front: undefined,
    };
    const path: Element[] = [];
    for (let at: Element | null = root; at; at = at.parentElement) path.unshift(at);
    for (const element of path) {
      if (!look) return null;
      look = this.enter(element, styleOf(element), look, () => null);
    }
    return look;
  }

  /** What the children of an element meet; null when nothing in it can be seen. */
  enter(element: Element, style: Style, outer: Look, openerOf: (panel: Element) => Element | null): Look | null {
    if (this.isClosed(element, style)) return outer.isCollapsed ? null : this.collapsed(element, outer, openerOf);
    const { raw, position } = style;
    const opacity = outer.opacity * (raw.opacity === '' ? 1 : Number(raw.opacity));
    // oxlint-disable-next-line typescript/no-deprecated -- pages still hide text with it
    const isCut = (position === 'absolute' || position === 'fixed') && isCutByRect(raw.clip);
    if (opacity < OPACITY_MIN || isCut || isEffacedBy(style, element)) return this.collapsed(element, outer, openerOf);
    const look: Look = { ...outer, opacity, isVisible: /^(visible|)$/.test(raw.visibility), front: undefined };
    look.isLoose ||= position === 'fixed' || position === 'sticky' || (position === 'absolute' && element.matches(OVERLAYS));
    this.stackUp(element, style, look, outer);
    this.paint(element, raw, look);
    if (outer.isCollapsed || !this.isLaidOut) return look;
    return this.clip(element, style, look) ? look : this.collapsed(element, outer, openerOf);
  }

  /** The parts of a text node that can be seen: all of it, nothing, or the words on lines that are not cut off. */
  *partsOf(node: Text, parent: Element, look: Look): Generator<SeenPart> {
    if (!look.isVisible) return;
    look.front = look.front === undefined ? this.letters(parent, look) : look.front;
    const { front } = look;
    const whole = { from: 0, to: node.data.length, first: null, last: null };
    if (!this.isLaidOut || look.isCollapsed) {
      if (standsOut(front, look.behind)) yield { ...whole, isSeen: () => true };
      return;
    }
    this.range.selectNodeContents(node);
    const boxes = [...this.range.getClientRects()];
    const box = around(boxes);
    if (!box || !isLegible(boxes, node.data)) return;
    const text = { parent, box, stack: look.stack, isLoose: look.isLoose };
    const isClear = standsOut(front, look.behind) || this.isOutlined(parent, look);
    const isSeen = (): boolean => (isClear || this.layers.standsOutElsewhere(front, text)) && !this.layers.isCovered(text);
    const { flow } = look.clips;
    const shown = boxes.filter((line) => isInReach(line, flow));
    const isSlide = shown.length === 0 && flow?.element && isWaitingSlide(parent, flow.element, (other) => isInReach(other, flow));
    if (isSlide || (shown.length === boxes.length && isWithin(box, flow))) yield { ...whole, first: boxes[0] ?? null, last: boxes.at(-1) ?? null, isSeen };
    else if (shown.length > 0) for (const words of this.wordsIn(node, flow)) yield { ...words, isSeen };
  }

  /** The same for a pseudo-element, which has no box to ask for. */
  isStyleSeen(style: CSSStyleDeclaration, look: Look): boolean {
    if (style.display === 'none' || style.visibility !== 'visible' || !look.isVisible || /absolute|fixed/.test(style.position)) return false;
    if (Number(style.opacity) * look.opacity < OPACITY_MIN || Number.parseFloat(style.fontSize) < HEIGHT_PX_MIN) return false;
    return standsOut(look.letters ?? withOpacity(parseColour(style.webkitTextFillColor || style.color), look.opacity), look.behind);
  }

  private isClosed(element: Element, { display, raw }: Style): boolean {
    if (display === 'none') return true;
    if (display !== 'inline' && raw.contentVisibility === 'hidden') return true;
    if (!this.isLaidOut && (element as HTMLElement).hidden) return true;
    const details = element.parentElement;
    return details?.tagName === 'DETAILS' && !details.hasAttribute('open') && element !== details.querySelector(':scope > summary');
  }

  private collapsed(element: Element, outer: Look, openerOf: (panel: Element) => Element | null): Look | null {
    return !outer.isCollapsed && openerOf(element) ? { ...outer, isCollapsed: true, isVisible: true } : null;
  }

  private stackUp(element: Element, style: Style, look: Look, outer: Look): void {
    const isPlaced = style.position !== 'static' && style.position !== '';
    const z = isPlaced ? Number.parseInt(style.raw.zIndex, 10) : Number.NaN;
    const isContext = !Number.isNaN(z) || look.opacity < outer.opacity || style.transform !== 'none' || style.filter !== 'none' || look.isLoose !== outer.isLoose;
    if (isContext || isPlaced) look.stack = { element, z: Number.isNaN(z) ? 0 : z, isContext, outer: outer.stack };
  }

  private paint(element: Element, style: CSSStyleDeclaration, look: Look): void {
    if (/^(IMG|VIDEO|CANVAS|EMBED|IFRAME)$|^svg$/.test(element.tagName)) {
      if (isLoaded(element)) this.layers.add({ element, colours: null, isOpaque: look.opacity > OPAQUE_MIN, stack: look.stack, isLoose: look.isLoose });
      return;
    }
    const colour = parseColour(style.backgroundColor);
    const image = coloursOf(style.backgroundImage);
    if (colour !== null && colour[3] === 0 && image !== null && image.length === 0) return;
    const own: Colours = image && colour ? [...image, ...(colour[3] > 0 ? [colour] : [])] : null;
    if (style.backgroundClip === 'text') {
      look.letters = own;
      return;
    }
    look.behind = blend(image, colour, look.behind);
    look.letters = undefined;
    if (element === this.document.body || element === this.document.documentElement) return;
    const isSolid = (colour?.[3] ?? 0) > OPAQUE_MIN || (image !== null && image.length > 0 && image.every(([, , , alpha]) => alpha > OPAQUE_MIN));
    this.layers.add({ element, colours: own, isOpaque: isSolid && look.opacity > OPAQUE_MIN, stack: look.stack, isLoose: look.isLoose });
  }

  /** Updates the clips; false when the element's own area lets nothing show. */
  private clip(element: Element, style: Style, look: Look): boolean {
    const { position } = style;
    const { flow, absolute, fixed } = look.clips;
    const met = position === 'fixed' ? fixed : position === 'absolute' ? absolute : flow;
    const cuts = this.isCutting(element, style);
    const within = cuts ? clipOf(element, style.raw, met) : met;
    const isMoving = style.transform !== 'none' || style.filter !== 'none';
    if (cuts || position !== 'static' || isMoving) {
      look.clips = { flow: within, absolute: position !== 'static' || isMoving ? within : absolute, fixed: isMoving ? within : fixed };
    }
    return !cuts || !within || (within.box.right - within.box.left > 1 && within.box.bottom - within.box.top > 1);
  }

  private isCutting(element: Element, { display, overflow, raw }: Style): boolean {
    if (display === 'inline' || display === 'contents' || element === this.document.body || element === this.document.documentElement) return false;
    return !/^(visible|)$/.test(overflow) || /paint|strict|content/.test(raw.contain);
  }

  private letters(parent: Element, look: Look): Colours {
    const style = getComputedStyle(parent);
    const fill = parseColour(style.webkitTextFillColor || style.color);
    if (look.letters === undefined || (fill && fill[3] >= 0.5)) return withOpacity(fill, look.opacity);
    return look.letters;
  }

  /** Clear letters with an outline or a shadow that stands out. */
  private isOutlined(parent: Element, look: Look): boolean {
    const style = getComputedStyle(parent);
    const outline = Number.parseFloat(style.webkitTextStrokeWidth) > 0 ? withOpacity(parseColour(style.webkitTextStrokeColor), look.opacity) : [];
    const shadow = style.textShadow === 'none' || style.textShadow === '' ? [] : coloursOf(style.textShadow);
    return standsOut(outline, look.behind) || standsOut(shadow, look.behind);
  }

  private *wordsIn(node: Text, clip: Clips['flow']): Generator<Omit<SeenPart, 'isSeen'>> {
    let open: Omit<SeenPart, 'isSeen'> | null = null;
    for (const word of node.data.matchAll(/\S+\s*/g)) {
      this.range.setStart(node, word.index);
      this.range.setEnd(node, word.index + word[0].trimEnd().length);
      const boxes = [...this.range.getClientRects()];
      const isShown = boxes.length > 0 && boxes.every((box) => isInReach(middle(box), clip));
      if (!isShown) {
        if (open) yield open;
        open = null;
        continue;
      }
      open ??= { from: word.index, to: 0, first: boxes[0] ?? null, last: null };
      open.to = word.index + word[0].length;
      open.last = boxes.at(-1) ?? null;
    }
    if (open) yield open;
  }

  /** What a page without a background shows. */
  private canvas(): Colour {
    const { colorScheme } = getComputedStyle(this.document.documentElement);
    const isDark = /\bdark\b/.test(colorScheme ?? '') && (!/\blight\b/.test(colorScheme) || matchMedia('(prefers-color-scheme: dark)').matches);
    return isDark ? DARK : WHITE;
  }
}

function isLoaded(element: Element): boolean {
  const image = element as HTMLImageElement;
  return element.tagName !== 'IMG' || !image.complete || image.naturalWidth > 0;
}

function withOpacity(colour: Colour | null, opacity: number): Colours {
  return colour && [[colour[0], colour[1], colour[2], colour[3] * opacity]];
}

function blend(image: Colours, colour: Colour | null, behind: Colours): Colours {
  if (!image || !colour) return null;
  const base = colour[3] === 1 ? [colour] : behind && behind.map((back) => over(colour, back));
  if (image.length === 0) return base;
  if (!base) return image.every(([, , , alpha]) => alpha > 0.95) ? image : null;
  return image.flatMap((top) => base.map((back) => over(top, back))).slice(0, 16);
}

function around(boxes: readonly DOMRect[]): Box | null {
  const drawn = boxes.filter((box) => box.width > 0 || box.height > 0);
  if (drawn.length === 0) return null;
  const of = (side: 'left' | 'top' | 'right' | 'bottom', pick: (a: number, b: number) => number): number => drawn.map((box) => box[side]).reduce((a, b) => pick(a, b));
  return { left: of('left', Math.min), top: of('top', Math.min), right: of('right', Math.max), bottom: of('bottom', Math.max) };
}

/** Large enough, and not all letters on one spot. */
function isLegible(boxes: readonly DOMRect[], text: string): boolean {
  const height = boxes.reduce((most, box) => Math.max(most, box.height), 0);
  const area = boxes.reduce((sum, box) => sum + box.width * box.height, 0);
  const letters = text.replaceAll(/[\s\p{M}\p{Cf}]/gu, '').length;
  return height >= HEIGHT_PX_MIN && area >= ADVANCE_SHARE_MIN * letters * height * height;
}

function middle(box: Box): Box {
  const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  return { left: x - 1, right: x + 1, top: y - 1, bottom: y + 1 };
}

/** True when no edge of the text's box is cut off. */
function isWithin(box: Box, clip: Clips['flow']): boolean {
  return [box.left + 1, box.right - 1].every((x) => isInReach({ left: x - 1, right: x + 1, top: box.top, bottom: box.bottom }, clip));
}
