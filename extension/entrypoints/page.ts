// Injected into a page when the user asks for it: reads blocks, shows passages. Called by background and by the sidebar's script.
// Never opens a socket, never sees a key, holds no frame.
import { browser } from 'wxt/browser';
import { defineUnlistedScript } from 'wxt/utils/define-unlisted-script';
import type { Block } from '../lib/page/block.ts';
import { type FindArticle, readBlocks } from '../lib/page/blocks.ts';
import { unreadFrames } from '../lib/page/frames.ts';
import { clearPreview, paint, paintPreview, rangeOf } from '../lib/page/highlight.ts';
import { watchMoves } from '../lib/page/moves.ts';
import { register, registerPage } from '../lib/page/shared.ts';
import { schemaTypes } from '../lib/page/types.ts';
import type { PageAnswer, PageCommand, PageOrder, PageText, Passage } from '../lib/connection/messages.ts';
import { PAGE_BLOCKS_MAX, PAGE_CHARS_MAX } from '../lib/connection/protocol.ts';

const LIMITS = { blocks: PAGE_BLOCKS_MAX, chars: PAGE_CHARS_MAX };
const SELECTION_MAX = 4_000;

class Page {
  private blocks: Block[] = [];
  private painted = new AbortController();

  async run(command: PageCommand): Promise<PageAnswer> {
    if (command.do === 'read') return { page: await this.read() };
    if (command.do === 'selection') return { selection: selection() };
    if (command.do === 'show') return { shown: await (command.preview ? this.preview(command.passage) : this.show(command.passage)) };
    if (command.do === 'clear') (command.preview ? clearPreview : () => this.painted.abort())();
    register().sidebar?.run(command);
    return { shown: true };
  }

  watch(moved: () => void, signal: AbortSignal): void {
    watchMoves(() => this.hasChanged(), moved, signal);
  }

  private async read(): Promise<PageText> {
    const { blocks, leftOut, unread } = await readBlocks(document, LIMITS, findArticle);
    this.blocks = blocks;
    return {
      title: document.title,
      url: location.href,
      blocks: blocks.map((block) => block.text),
      types: schemaTypes(document),
      blocksLeftOut: leftOut,
      frames: unreadFrames(unread),
      selection: selection(),
    };
  }

  private async show(passage: Passage): Promise<boolean> {
    const range = await this.find(passage);
    this.painted.abort();
    if (!range) return false;
    this.painted = new AbortController();
    await paint(range, this.painted.signal);
    register().sidebar?.uncover(range);
    return true;
  }

  private async preview(passage: Passage): Promise<boolean> {
    const range = await this.find(passage);
    if (range) paintPreview(range, this.painted.signal);
    return range !== null;
  }

  private async find(passage: Passage): Promise<Range | null> {
    return rangeOf(this.blocks, passage) ?? rangeOf((await readBlocks(document, LIMITS, findArticle)).blocks, { ...passage, block: null });
  }

  /** Whether the page shows a text that was not there when it was read. */
  private async hasChanged(): Promise<boolean> {
    const known = new Set(this.blocks.map((block) => block.text));
    if (known.size === 0) return false;
    return (await readBlocks(document, LIMITS, findArticle)).blocks.some((block) => !known.has(block.text));
  }
}

/** What the article script left here; without it the page is read whole. */
const findArticle: FindArticle = (page, blocks) => (globalThis as { retinueArticle?: FindArticle }).retinueArticle?.(page, blocks) ?? null;

function selection(): string {
  return (getSelection()?.toString() ?? '').trim().slice(0, SELECTION_MAX);
}

export default defineUnlistedScript(() => {
  if (register().page) return;
  const page = registerPage(new Page());
  browser.runtime.onMessage.addListener((order: PageOrder, _sender, respond: (answer: PageAnswer) => void) => {
    if (order.kind !== 'command') return false;
    void page.run(order.command).then(respond, (error: unknown) => respond({ error: String(error) }));
    return true;
  });
});
