// Frames in a page that show another site, which nobody may look into: their hosts, and how much room they take. Called by page.
// Knows boxes and addresses only.

export interface UnreadFrames {
  /** Each host once; empty for frames whose address names none. */
  hosts: string[];
  /** Of the window, from 0 to 1: far down counts too. */
  share: number;
}

export const NO_FRAMES: UnreadFrames = { hosts: [], share: 0 };
const HOSTS_MAX = 5;
const HOST_CHARS_MAX = 100;

export function unreadFrames(frames: readonly Element[]): UnreadFrames {
  const inSight = frames.filter((frame) => frame.checkVisibility({ visibilityProperty: true, opacityProperty: true }));
  const hosts = new Set(inSight.map(hostOf));
  const room = inSight.reduce((sum, frame) => sum + areaOf(frame), 0);
  return { hosts: [...hosts].slice(0, HOSTS_MAX), share: Math.min(1, room / Math.max(1, innerWidth * innerHeight)) };
}

function hostOf(frame: Element): string {
  const address = frame.hasAttribute('srcdoc') ? '' : frame.getAttribute('src') ?? '';
  return address !== '' && URL.canParse(address, document.baseURI) ? new URL(address, document.baseURI).host.slice(0, HOST_CHARS_MAX) : '';
}

function areaOf(frame: Element): number {
  const { width, height } = frame.getBoundingClientRect();
  return width * height;
}
