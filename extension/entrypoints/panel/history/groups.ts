// The list of kept conversations in groups: pinned, today, yesterday, earlier. Pure: called by History.
import type { ThreadCard } from '../../../lib/connection/protocol.ts';
import { date as inWords } from '../../../lib/words.ts';

export interface Group {
  name: 'pinned' | 'today' | 'yesterday' | 'earlier';
  threads: ThreadCard[];
}

/** Groups that have threads, each in the order in which they came. */
export function grouped(threads: ThreadCard[], now = new Date()): Group[] {
  const names: Group['name'][] = ['pinned', 'today', 'yesterday', 'earlier'];
  return names.map((name) => ({ name, threads: threads.filter((thread) => groupOf(thread, now) === name) })).filter((group) => group.threads.length > 0);
}

function groupOf({ pinned, updated_ms }: ThreadCard, now: Date): Group['name'] {
  if (pinned) return 'pinned';
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  const day = new Date(updated_ms).toDateString();
  if (day === now.toDateString() || updated_ms > now.getTime()) return 'today';
  return day === yesterday.toDateString() ? 'yesterday' : 'earlier';
}

/** The name of a conversation: the user's, else the page's title, else its address. */
export function nameOf({ name, title, address }: ThreadCard): string {
  return name || title || address;
}

/** The site of a page, or its whole address where it has none. */
export function siteName(address: string): string {
  return (URL.canParse(address) && new URL(address).host) || address;
}

/** The address as a link, or null for what must not be opened by a click. */
export function linkTo(address: string): string | null {
  return URL.canParse(address) && /^https?:$/.test(new URL(address).protocol) ? address : null;
}

/** The time of today, the date of an earlier day. */
export function timeOf(ms: number, now = new Date()): string {
  const date = new Date(ms);
  const style: Intl.DateTimeFormatOptions = date.toDateString() === now.toDateString() ? { timeStyle: 'short' } : { dateStyle: 'medium' };
  return inWords(date, style);
}
