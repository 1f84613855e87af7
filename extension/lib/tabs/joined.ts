// Several pages as one for the server: the page beside the panel, then other tabs, each under its title. Pure. Called by the panel.
// The first page keeps the numbers of its blocks, so that what was said of it before a tab was added stays right.
import type { PageText, Passage } from '../connection/messages.ts';

export interface Source {
  tab: number;
  title: string;
  url: string;
  blocks: string[];
}

/** `failed`: it could not be read. `moved`: it shows another page than was read. What was read stays until it is read again or removed. */
export interface OtherTab extends Source {
  site: string;
  status: 'reading' | 'read' | 'failed' | 'moved' | 'closed';
}

/** The blocks of one tab in the joined page, by their numbers there: `heading` is its title, its own block 1 follows. */
export interface Part {
  tab: number;
  title: string;
  heading: number;
  last: number;
}

export interface Joined {
  text: PageText;
  parts: Part[];
  /** What was read of each page, the first one's blocks before the others'. */
  readings: string[][];
}

interface Limits {
  blocks: number;
  chars: number;
}

const TITLE_CHARS_MAX = 200;

/** What does not fit the limits is left out at the end and counted. A tab of which nothing fits is no part. */
export function join(page: PageText, sources: readonly Source[], limits: Limits): Joined {
  const text = { ...page, blocks: [...page.blocks] };
  const joined: Joined = { text, parts: [], readings: [page.blocks] };
  let chars = page.blocks.reduce((sum, block) => sum + block.length, 0);
  for (const { tab, title, url, blocks } of sources) {
    const heading = headingOf(title, url);
    const kept: string[] = [];
    chars += heading.length;
    for (const block of blocks) {
      chars += block.length;
      if (chars > limits.chars || text.blocks.length + kept.length + 2 > limits.blocks) break;
      kept.push(block);
    }
    text.blocksLeftOut += blocks.length - kept.length;
    if (kept.length === 0) continue;
    text.blocks.push(heading, ...kept);
    joined.parts.push({ tab, title: title || heading, heading: text.blocks.length - kept.length, last: text.blocks.length });
    joined.readings.push([heading, ...kept]);
  }
  return joined;
}

/** The tab whose block it is; null for the page beside the panel. */
export function partOf(block: number | null, parts: readonly Part[]): Part | null {
  return parts.find(({ heading, last }) => block !== null && block >= heading && block <= last) ?? null;
}

/** The passage with the number that its block has in its own tab. A heading shows the top of the tab. */
export function inTab(passage: Passage, { heading }: Part): Passage {
  const block = passage.block === null ? null : passage.block - heading;
  return block === 0 ? { block: 1, start: null, end: null, text: '' } : { ...passage, block };
}

function headingOf(title: string, url: string): string {
  const host = URL.canParse(url) ? new URL(url).host : '';
  const name = title.replaceAll(/\s+/g, ' ').trim().slice(0, TITLE_CHARS_MAX);
  return name && host ? `${name} (${host})` : name || host || url.slice(0, TITLE_CHARS_MAX);
}
