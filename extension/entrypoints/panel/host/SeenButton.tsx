// A button for what matters: inside a page it acts only while the browser vouches that nothing of the page covers or fades it.
// Called by the components whose click costs something. In the side panel and in a tab it is a plain button.
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import type { Host } from '../../../lib/invitations.ts';

const SEEN_FOR_MS = 300;
const LOOK_EVERY_MS = 100; // the least that browsers allow
const HINT_AFTER_MS = 1_500;

interface Props {
  host: Host;
  name: string;
  act: () => void;
  describedBy?: string;
}

export function SeenButton({ host, name, act, describedBy }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  const isVisible = useVisible(button, host);
  const isSeen = useHeld(isVisible, SEEN_FOR_MS) || host !== 'page';
  const isHinted = useHeld(!isSeen, HINT_AFTER_MS);
  return (
    <>
      <button type="button" class="action" ref={button} aria-describedby={describedBy} disabled={!isSeen} onClick={act}>{t(name)}</button>
      {isHinted && <span class="covered" role="status">{t('covered')}</span>}
    </>
  );
}

/** Whether the element is in full sight. Never in a page where the browser cannot tell (Firefox). */
function useVisible(element: { current: HTMLElement | null }, host: Host): boolean {
  const [isVisible, setVisible] = useState(false);
  useEffect(() => {
    const target = element.current;
    if (host !== 'page' || !target) return;
    const watch = new IntersectionObserver(
      (entries) => setVisible((entries.at(-1) as { isVisible?: boolean } | undefined)?.isVisible === true),
      { threshold: [1], trackVisibility: true, delay: LOOK_EVERY_MS } as IntersectionObserverInit,
    );
    watch.observe(target);
    return () => watch.disconnect();
  }, [element, host]);
  return isVisible;
}

/** True once the value has been true for so long. */
function useHeld(value: boolean, for_ms: number): boolean {
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    setHeld(false);
    if (!value) return;
    const timer = setTimeout(() => setHeld(true), for_ms);
    return () => clearTimeout(timer);
  }, [value, for_ms]);
  return value && isHeld;
}
