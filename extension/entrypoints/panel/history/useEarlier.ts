// Asks for earlier turns when the reader comes near the top of a long conversation, and holds the place. Called by Thread.
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

const NEAR_TOP_PX = 600;

type Box = { current: HTMLDivElement | null };

export function useEarlier(box: Box, earlier: number, load: () => Promise<void>): void {
  const first = useRef<{ turn: HTMLElement; below: number } | null>(null);
  // The browser holds the place by itself, but not for a reader who is at the very top.
  useLayoutEffect(() => {
    if (box.current && first.current?.turn.isConnected) box.current.scrollTop = first.current.turn.offsetTop - first.current.below;
    first.current = null;
  }, [box, earlier]);
  useEffect(() => {
    const element = box.current;
    if (!element || earlier === 0) return;
    const aborter = new AbortController();
    let isLoading = false;
    const onScroll = (): void => {
      const turn = element.querySelector<HTMLElement>('.turn');
      if (!turn || element.scrollTop > NEAR_TOP_PX) return;
      first.current = { turn, below: turn.offsetTop - element.scrollTop };
      if (isLoading) return;
      isLoading = true;
      void load().finally(() => (isLoading = false)); // what was refused may be tried again
    };
    element.addEventListener('scroll', onScroll, { signal: aborter.signal, passive: true });
    return () => aborter.abort();
  }, [box, earlier, load]);
}
