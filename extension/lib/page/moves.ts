// Tells when a page has become another one without being loaded anew, as applications of one page do. Called by page.
// Knows addresses and asks whether the text has changed; does not know what the text is.

const LOOKS_MS = [0, 150, 600, 2_000]; // after a change behind `#`: the page may draw its new text late

/** `moved` is told at once of another address, and of one that differs behind `#` only when the text is no longer the same. */
export function watchMoves(hasChanged: () => Promise<boolean>, moved: () => void, signal: AbortSignal): void {
  const { navigation } = globalThis as { navigation?: EventTarget };
  let address = location.href;
  let timers: ReturnType<typeof setTimeout>[] = [];
  const stop = (): void => {
    for (const timer of timers) clearTimeout(timer);
    timers = [];
  };
  const tell = (): void => {
    stop();
    moved();
  };
  const look = (): void => {
    if (location.href === address) return;
    const isOther = withoutHash(location.href) !== withoutHash(address);
    address = location.href;
    stop();
    if (isOther) return tell();
    const at = address;
    timers = LOOKS_MS.map((ms) => setTimeout(() => void hasChanged().then((changed) => changed && address === at && timers.length > 0 && tell()), ms));
  };
  navigation?.addEventListener('navigatesuccess', look, { signal });
  addEventListener('hashchange', look, { signal });
  signal.addEventListener('abort', stop, { once: true });
}

function withoutHash(address: string): string {
  return address.split('#', 1)[0] ?? '';
}
