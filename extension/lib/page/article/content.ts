// What else of the page belongs to the article that Readability found in it: Readability keeps one box, while a product's
// price, a recipe's list or the reviews stand in boxes beside it. Called by article. Knows blocks and their boxes; no outline.
import type { Block } from '../block.ts';
import { parentOf } from '../rendered/nodes.ts';

/** Where a page says itself what its content is. */
const CONTENT = 'article, [role=article], main, [role=main]';
const ASIDE = 'aside, [class*="sidebar"], [class*="related"], [class*="promo"], [class*="newsletter"], [class*="share"], [class*="social"], [class*="sponsor"], [class*="advert"], [class*="banner"], [class*="recommend"]';
const CONTROLS = 'button:not([aria-expanded]), button[aria-haspopup], [role=button]:not([aria-expanded]), form[role=search]';
const COMMENTS = '[id*="comment" i], [class*="comment" i], [class*="replies"]';
/** A box with more of its text in links leads elsewhere. */
const LINK_SHARE_MAX = 0.5;

/** For each block whether it belongs to the article; `isKept` are the blocks that are certain, one at least. */
export function contentOf(blocks: readonly Block[], isKept: readonly boolean[]): boolean[] {
  const [first, last] = [isKept.indexOf(true), isKept.lastIndexOf(true)];
  const title = blocks.findIndex(({ element }) => element.tagName === 'H1');
  const rest = new Rest(blocks, isKept);
  const isPart = blocks.map((block, i) => {
    if (isKept[i] === true || i === title) return true;
    if (i > first && i < last) return isPartOf(block);
    return (rest.isInBox(block) || (title >= 0 && i > title && i < first)) && rest.isContent(block);
  });
  return isPart.map((part, i) => part && (isKept[i] === true || i === title || !isLoneHeading(blocks, isPart, i)));
}

/** What stands inside the article: Readability likes to drop rows, items and short boxes. */
function isPartOf(block: Block): boolean {
  const { element } = block;
  if (element.closest(ASIDE)) return false;
  return ['TR', 'DT', 'LI', 'H1'].includes(element.tagName) || linkShareOf([block]) <= LINK_SHARE_MAX;
}

/** A heading outside, of which nothing but the heading belongs. */
function isLoneHeading(blocks: readonly Block[], isPart: readonly boolean[], i: number): boolean {
  let next = i;
  while (isHeading(blocks[next])) {
    next += 1;
    if (!isPart[next]) return true;
  }
  return false;
}

/** The blocks that Readability left out, and the boxes that they share. */
class Rest {
  private readonly box: Element | null;
  private readonly kept = new Set<Element>();
  /** Boxes without a certain block, each with all blocks in it. */
  private readonly boxes = new Map<Element, Block[]>();
  /** Those that lead to other pages. */
  private readonly elsewhere = new Set<Element>();

  constructor(blocks: readonly Block[], isKept: readonly boolean[]) {
    const certain = blocks.filter((_block, i) => isKept[i]);
    for (const { element } of certain) for (const box of upFrom(element)) this.kept.add(box);
    this.box = contentBoxOf(certain);
    for (const [i, block] of blocks.entries()) {
      if (isKept[i]) continue;
      for (const box of this.boxesOf(block)) {
        const inside = this.boxes.get(box);
        if (inside) inside.push(block);
        else this.boxes.set(box, [block]);
      }
    }
    for (const [box, inside] of this.boxes) if (linkShareOf(inside) > LINK_SHARE_MAX) this.elsewhere.add(box);
    for (const block of blocks) if (isHeading(block) && linkShareOf([block]) > LINK_SHARE_MAX) this.addTeaser(block);
  }

  /** Whether the page says of the block, too, that it is in the content. */
  isInBox({ element }: Block): boolean {
    return this.box !== null && [...upFrom(element)].includes(this.box);
  }

  isContent(block: Block): boolean {
    if (block.element.closest(`${ASIDE}, ${COMMENTS}`) || isControl(block)) return false;
    return this.boxesOf(block).every((box) => !box.matches(CONTENT) && !this.elsewhere.has(box));
  }

  /** The box of a heading that is a link, such as a card that shows another page. */
  private addTeaser(heading: Block): void {
    const card = this.boxesOf(heading).find((box) => (this.boxes.get(box)?.length ?? 0) > 1);
    if (card) this.elsewhere.add(card);
  }

  private boxesOf({ element }: Block): Element[] {
    const boxes: Element[] = [];
    for (const box of upFrom(element)) {
      if (this.kept.has(box)) break;
      boxes.push(box);
    }
    return boxes;
  }
}

/** The innermost article or main part that holds all of the blocks. */
function contentBoxOf(blocks: readonly Block[]): Element | null {
  const shared = blocks.map(({ element }) => new Set(upFrom(element)));
  for (const box of shared[0] ?? []) if (box.matches(CONTENT) && shared.every((boxes) => boxes.has(box))) return box;
  return null;
}

function* upFrom(element: Element): Generator<Element> {
  for (let box: Element | null = element; box; box = parentOf(box)) yield box;
}

function isHeading(block: Block | undefined): boolean {
  return block !== undefined && /^H[1-6]$/.test(block.element.tagName);
}

function isControl({ pieces }: Block): boolean {
  return pieces.length > 0 && pieces.every(({ node }) => node.parentElement?.closest(CONTROLS));
}

/** Links within the page count as text. */
function linkShareOf(blocks: readonly Block[]): number {
  let [linked, chars] = [0, 0];
  for (const { text, pieces } of blocks) {
    chars += text.length;
    for (const { node, length } of pieces) if (node.parentElement?.closest('a[href]:not([href^="#"])')) linked += length;
  }
  return linked / Math.max(1, chars);
}
