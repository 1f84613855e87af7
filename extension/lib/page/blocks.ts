// The page as numbered blocks in reading order, read without holding the page up. Called by page.
// Knows the document only: no sidebar, no socket.
import type { Block } from './block.ts';
import { Builder } from './builder.ts';
import { type Token, Walk } from './rendered/walk.ts';

/** What a page may give at most. */
export interface Limits {
  blocks: number;
  chars: number;
}

/** Readers' words under an article. */
const COMMENTS = '[id*="comment" i], [class*="comment" i], [id*="disqus"], [class*="replies"], [itemtype$="/Comment"], [aria-label*="comment" i]';
const FURNITURE = 'nav, footer, header nav, [role=navigation], [role=banner], [role=contentinfo], [role=search], dialog, [role=dialog], [role=alertdialog], button, [role=button]';
/** A box beside the content, where the page says what its content is. */
const ASIDES = 'aside, [role=complementary]';
const CONTENT = 'main, [role=main], article';
/** How long the page may be held up at a time. */
const SLICE_MS = 12;
/** Furniture is read and left out again: this much more than the limits is walked before the rest is given up. */
const WALKED = 3;
const ARTICLE_SHARE_MIN = 0.3;

/** For each block whether it belongs to the article; null when there is none. */
export type FindArticle = (document: Document, blocks: readonly Block[]) => boolean[] | null;

/** The blocks in reading order, without the page's furniture, as many as the limits hold. */
export async function readBlocks(document: Document, limits: Limits, articleOf: FindArticle): Promise<{ blocks: Block[]; leftOut: number; unread: Element[] }> {
  const walk = new Walk(document);
  const tokens: Token[] = [];
  const slice = new Slice();
  let chars = 0;
  let isCut = false;
  for (const token of walk.tokens()) {
    tokens.push(token);
    chars += token.text.length;
    isCut = chars > WALKED * limits.chars;
    if (isCut) break;
    if (slice.isOver()) await slice.next();
  }
  const built = new Builder();
  for (const token of tokens) {
    built.take(token);
    if (slice.isOver()) await slice.next();
  }
  const all = built.finish();
  const plain = all.filter((block) => !isFurniture(block.element));
  const chosen = inOrder(plain.length > 0 ? plain : all, (blocks) => articleOf(document, blocks));
  let kept = 0;
  const blocks = chosen.slice(0, limits.blocks).filter((block) => (kept += block.text.length) <= limits.chars);
  const unread = isCut ? Math.round((all.length * (document.querySelectorAll('body *').length - walk.elements)) / Math.max(1, walk.elements)) : 0;
  return { blocks, leftOut: chosen.length - blocks.length + Math.max(0, unread), unread: walk.unread };
}

/** Every visible block under an element, at once. */
export function visibleBlocks(root: Element): Block[] {
  const built = new Builder();
  const tokens = [...new Walk(root.ownerDocument).tokens(root)]; // what covers a text may come behind it
  for (const token of tokens) built.take(token);
  return built.finish();
}

function isFurniture(element: Element): boolean {
  const aside = element.closest(ASIDES);
  if (aside && !aside.closest(CONTENT) && element.ownerDocument.querySelector(CONTENT)) return true;
  if (/^H\d$/.test(element.tagName)) return false;
  const part = element.closest(FURNITURE);
  return part !== null && !part.hasAttribute('aria-expanded');
}

/** The article alone where it is most of the page, comments aside; else everything, the comments last. */
function inOrder(blocks: Block[], articleIn: (blocks: Block[]) => boolean[] | null): Block[] {
  const isKept = articleIn(blocks);
  if (!isKept) return blocks;
  const article = blocks.filter((_block, i) => isKept[i]);
  const comments = new Set(blocks.filter((block, i) => !isKept[i] && block.element.closest(COMMENTS)));
  const page = blocks.filter((block) => !comments.has(block));
  return charsOf(article) >= ARTICLE_SHARE_MIN * charsOf(page) ? article : [...page, ...comments];
}

/** Gives the page its turn when it has waited long enough. */
class Slice {
  private end = performance.now() + SLICE_MS;
  private asked = 0;

  /** The clock is asked now and then only: that takes longer than a text. */
  isOver(): boolean {
    this.asked += 1;
    return this.asked % 16 === 0 && performance.now() > this.end;
  }

  async next(): Promise<void> {
    await new Promise<void>((resolve) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        channel.port1.close();
        resolve();
      };
      channel.port2.postMessage(null);
    });
    this.end = performance.now() + SLICE_MS;
  }
}

function charsOf(blocks: Block[]): number {
  return blocks.reduce((sum, block) => sum + block.text.length, 0);
}
