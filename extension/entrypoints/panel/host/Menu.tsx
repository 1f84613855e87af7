// A menu of commands under its button, by keyboard as by pointer. Called by HostTools. Knows no command.
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import { useDismissal } from './dismissal.ts';

export interface MenuItem {
  /** Of the message that names it. */
  name: string;
  act: () => void;
  /** The command opens something in the menu's place. */
  stays?: boolean;
}

interface Props {
  items: MenuItem[];
  label: string;
  /** Id of the button that opened it: it gets the focus back. */
  opener: string;
  onDone: () => void;
}

export function Menu({ items, label, opener, onDone }: Props) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => list.current?.querySelector('button')?.focus(), []);
  useDismissal(list, opener, onDone);
  const choose = (item: MenuItem): void => {
    item.act();
    if (!item.stays) onDone();
  };
  return (
    <div class="menu" role="menu" tabIndex={-1} aria-label={label} ref={list} onKeyDown={(event) => step(event, list.current)}>
      {items.map((item) => (
        <button key={item.name} class="menu-item" type="button" role="menuitem" tabIndex={-1} onClick={() => choose(item)}>
          {t(item.name)}
        </button>
      ))}
    </div>
  );
}

/** Up and down, around the ends; Home and End. */
function step(event: KeyboardEvent, list: HTMLElement | null): void {
  const buttons = [...(list?.querySelectorAll('button') ?? [])];
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  buttons.at(to % buttons.length)?.focus();
}
