// What the person does with the sidebar itself: close, fold, other side, another place, its keys, engine, self-test and tour. Part of store.
// Knows the wire and where the panel is; nothing of threads.
import { browser } from 'wxt/browser';
import type { PageCommand } from '../../../lib/connection/messages.ts';
import type { Host } from '../../../lib/invitations.ts';
import { t } from '../../../lib/words.ts';
import { keepTour } from './memory.ts';
import type { State } from './state.ts';
import type { Wire } from './wire.ts';

export class Hosting {
  constructor(
    private readonly wire: Wire,
    private readonly state: () => State,
    private readonly patch: (part: Partial<State>) => void,
  ) {}

  close = (): void => this.inPage({ do: 'close' });
  fold = (): void => this.inPage({ do: 'fold' });
  flip = (): void => this.inPage({ do: 'flip' });
  float = (floats: boolean): void => this.inPage({ do: 'float', floats });

  /** Must run in a click: nothing is awaited before the background hears of it. */
  move = async (to: Host): Promise<void> => {
    const isThere = await this.wire.move(to).catch(() => false);
    if (!isThere) this.patch({ notice: t(to === 'page' ? 'moveRefused' : 'moveNextClick') });
  };

  askShortcuts = (): void => this.wire.send({ kind: 'shortcuts' });
  remap = (): void => this.wire.remap();

  /** In the side panel and the tab: asks for this one page. Must run in a click. A frame in somebody's page never asks. */
  allow = async (): Promise<boolean> => {
    const { host, site } = this.state();
    return host !== 'page' && site !== null && browser.permissions.request({ origins: [site] });
  };

  setTesting = (isTesting: boolean): void => this.patch({ isTesting });

  /** Shows engines and bases, where a web page cannot place the clicks. */
  setChoosingEngine = (isEngineOpen: boolean): void => this.patch({ isEngineOpen: isEngineOpen && this.state().host !== 'page' });

  /** Asks the server what is in order on its machine. */
  examine = (): void => {
    this.patch({ doctor: null });
    if (this.state().link.status === 'ready') this.wire.send({ kind: 'frame', frame: { type: 'doctor' } });
  };

  testAgain = (): void => (this.state().link.status === 'ready' ? this.examine() : this.wire.send({ kind: 'retry' }));

  /** To the sample page, where the tour's steps are. */
  openSample = (): void => {
    this.setNew(true);
    this.wire.openSample();
  };

  endTour = (): void => this.setNew(false);

  private setNew(isNew: boolean): void {
    this.patch({ isNew });
    keepTour(this.state());
  }

  private inPage(command: PageCommand): void {
    if (this.state().host === 'page') void this.wire.call(command);
  }
}
