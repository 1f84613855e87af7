// The keys of the sidebar, those of the browser as they are set now, and the way to change them. Called by HostTools.
import { useEffect, useRef } from 'preact/hooks';
import type { Shortcut } from '../../../lib/connection/messages.ts';
import type { Host } from '../../../lib/invitations.ts';
import { t } from '../../../lib/words.ts';
import { useDismissal } from './dismissal.ts';

interface Props {
  shortcuts: Shortcut[];
  host: Host;
  remap: () => void;
  opener: string;
  onDone: () => void;
}

export function Shortcuts({ shortcuts, host, remap, opener, onDone }: Props) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus(), []);
  useDismissal(box, opener, onDone);
  const rows = shortcuts.map(({ command, keys }): [string, string] => [keys || t('keyNone'), t(`key${command}`)]);
  const own: [string, string][] = [['Enter', t('keySend')], ['Shift+Enter', t('keyLine')], ...(host === 'page' ? [['Esc', t('keyClose')] satisfies [string, string]] : [])];
  return (
    <section class="menu keys" tabIndex={-1} aria-label={t('shortcuts')} ref={box}>
      <h2 class="keys-title">{t('shortcuts')}</h2>
      <dl class="keys-list">
        {[...rows, ...own].map(([keys, does]) => (
          <div class="keys-row" key={does}>
            <dt>{does}</dt>
            <dd><kbd>{keys}</kbd></dd>
          </div>
        ))}
      </dl>
      <p class="keys-note">{t('remapWords')}</p>
      <button class="action" type="button" onClick={remap}>{t('remap')}</button>
    </section>
  );
}
