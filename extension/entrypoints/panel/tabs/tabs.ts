// Other tabs as context: lists and adds them, follows them, and finds the tab of a passage. Part of store.
// Knows the wire and the state; the browser asks the person for each site. Nothing here runs in a panel inside a web page.
import { browser } from 'wxt/browser';
import type { OpenTab, PageAnswer, PageCommand, PageText, Passage, ToPanel } from '../../../lib/connection/messages.ts';
import { PAGE_BLOCKS_MAX, PAGE_CHARS_MAX } from '../../../lib/connection/protocol.ts';
import { inTab, join, type OtherTab, partOf } from '../../../lib/tabs/joined.ts';
import { t } from '../../../lib/words.ts';
import { digestOf } from '../state/reading.ts';
import type { PageState, State } from '../state/state.ts';

const LIMITS = { blocks: PAGE_BLOCKS_MAX, chars: PAGE_CHARS_MAX };

interface Host {
  state(): State;
  patch(part: Partial<State>): void;
  call(command: PageCommand, tab?: number): Promise<PageAnswer>;
  list(): void;
  /** The page is another text now and is to be opened with the server. */
  reopen(page: Joined): void;
}

type Joined = Pick<PageState, 'text' | 'parts' | 'reading'>;

export class Tabs {
  private shownIn: number | undefined;
  /** The page beside the panel, alone. */
  private own: PageText | null = null;

  constructor(private readonly host: Host) {}

  /** Must run in a click: the browser asks whether Retinue may see the titles of tabs. */
  list = async (): Promise<void> => {
    if (this.host.state().host === 'page') return;
    if (await browser.permissions.request({ permissions: ['tabs'] }).catch(() => false)) this.host.list();
    else this.host.patch({ notice: t('tabsRefused') });
  };

  /** Must run in a click: the browser asks for the tab's site. */
  add = async ({ tab, title, url, site }: OpenTab): Promise<void> => {
    const { host, others } = this.host.state();
    if (host === 'page' || others.some((other) => other.tab === tab)) return;
    if (!(await browser.permissions.request({ origins: [site] }).catch(() => false))) return this.host.patch({ notice: t('tabRefused', title) });
    this.host.patch({ others: [...this.host.state().others, { tab, title, url, site, blocks: [], status: 'reading' }], notice: '' });
    await this.read(tab);
  };

  /** Must run in a click: the tab may show another site by now. */
  again = async ({ tab, site }: OtherTab): Promise<void> => {
    if (await browser.permissions.request({ origins: [site] }).catch(() => false)) await this.read(tab);
  };

  remove = ({ tab }: OtherTab): void => {
    if (this.shownIn === tab) void this.host.call({ do: 'clear' }, tab);
    this.host.patch({ others: this.host.state().others.filter((other) => other.tab !== tab) });
    void this.rejoin();
  };

  /** The page beside the panel was read; the other tabs stay while it is the same page. */
  async join(own: PageText, isSame: boolean): Promise<Joined> {
    this.own = own;
    if (!isSame) this.host.patch({ others: [] });
    const { text, parts, readings } = join(own, this.host.state().others, LIMITS);
    return { text, parts, reading: await digestOf(readings) };
  }

  hear(message: ToPanel): void {
    if (message.kind === 'tabs') this.host.patch({ openTabs: message.tabs });
    if (message.kind === 'tab') this.change(message.tab, { status: message.now, ...(message.site === null ? {} : { site: message.site }) });
  }

  // --- passages

  /** Shows a passage where it stands; true when it is there. */
  async show(passage: Passage): Promise<boolean> {
    const part = partOf(passage.block, this.host.state().page.parts);
    if (this.shownIn !== part?.tab) this.clear();
    this.shownIn = part?.tab;
    const answer = await this.host.call({ do: 'show', passage: part ? inTab(passage, part) : passage }, part?.tab);
    const isClosed = part !== null && this.host.state().others.some(({ tab, status }) => tab === part.tab && status === 'closed');
    if (isClosed) this.host.patch({ notice: t('tabClosedShow', part.title) });
    return 'shown' in answer && answer.shown;
  }

  preview(passage: Passage | null): void {
    if (passage && partOf(passage.block, this.host.state().page.parts)) return; // nobody looks at that tab
    void this.host.call(passage ? { do: 'show', passage, preview: true } : { do: 'clear', preview: true });
  }

  clear(): void {
    void this.host.call({ do: 'clear' }, this.shownIn);
    this.shownIn = undefined;
  }

  private async read(tab: number): Promise<void> {
    this.change(tab, { status: 'reading' });
    const answer = await this.host.call({ do: 'read' }, tab);
    if (!this.host.state().others.some((other) => other.tab === tab)) return;
    if (!('page' in answer) || answer.page.blocks.length === 0) return this.change(tab, { status: 'failed' });
    const { title, url, blocks } = answer.page;
    this.change(tab, { title, url, blocks, status: 'read' });
    await this.rejoin();
  }

  private async rejoin(): Promise<void> {
    const { own } = this;
    if (!own || !this.host.state().page.text) return; // it is being read: that joins them
    const { others } = this.host.state();
    const joined = await this.join(own, true);
    if (own === this.own && others === this.host.state().others) this.host.reopen(joined);
  }

  private change(tab: number, part: Partial<OtherTab>): void {
    const { others } = this.host.state();
    const changed = (other: OtherTab): OtherTab => ({ ...other, ...part });
    this.host.patch({ others: others.map((other) => (other.tab === tab && other.status !== 'closed' ? changed(other) : other)) });
  }
}
