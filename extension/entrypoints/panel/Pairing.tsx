// The pairing screen: eight characters from the terminal, once. Called by App while the server does not know this browser.
import { useEffect, useRef, useState } from 'preact/hooks';
import { normaliseCode } from '../../lib/connection/pairing.ts';
import { CODE_LETTERS } from '../../lib/connection/protocol.ts';
import { t } from '../../lib/words.ts';
import type { State } from './state/state.ts';
import type { Store } from './state/store.ts';

export function Pairing({ store, state }: { store: Store; state: State }) {
  const [code, setCode] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const { status, message } = state.link;
  const error = status === 'wrong_code' || status === 'expired' ? message || t(`link_${status}`) : '';
  const isWhole = code.length === CODE_LETTERS;
  const submit = (): void => (isWhole ? store.pair(code) : undefined);
  return (
    <section class="state pairing" aria-labelledby="pairing-title">
      <h1 id="pairing-title" class="state-title">{t('pairTitle')}</h1>
      <p class="state-text">{t('pairText')}</p>
      <input
        ref={field}
        class="code"
        type="text"
        aria-label={t('pairCode')}
        aria-invalid={error !== ''}
        aria-describedby="pairing-error"
        placeholder="ABCD-EFGH"
        autocomplete="off"
        autocapitalize="characters"
        spellcheck={false}
        value={shown(code)}
        onInput={(event) => setCode(normaliseCode(event.currentTarget.value).replace(/[^A-Z0-9]/g, '').slice(0, CODE_LETTERS))}
        onKeyDown={(event) => event.key === 'Enter' && submit()}
      />
      <p id="pairing-error" class="state-error" role="alert">{error}</p>
      <button type="button" class="primary" disabled={!isWhole} onClick={submit}>{t('pairButton')}</button>
      <button type="button" class="action" onClick={() => store.hosting.setTesting(true)}>{t('selftestButton')}</button>
    </section>
  );
}

function shown(code: string): string {
  return code.length > 4 ? `${code.slice(0, 4)}-${code.slice(4)}` : code;
}
