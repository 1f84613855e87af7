// The self-test: what stands between the person and an answer, each with what to do. Laid over the conversation; called by App.
import { useEffect, useRef } from 'preact/hooks';
import { browser } from 'wxt/browser';
import { nameOf } from '../../../lib/connection/identity.ts';
import { VERSION } from '../../../lib/connection/protocol.ts';
import { language, t, wordsFor } from '../../../lib/words.ts';
import { CopyButton } from '../answer/Actions.tsx';
import { Icon, type IconName } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { type Line, linesOf, reportOf } from './lines.ts';

const ICONS: Record<string, IconName> = { ok: 'check', unknown: 'more' };

export function SelfTest({ store, state }: { store: Store; state: State }) {
  const box = useRef<HTMLDivElement>(null);
  useFocusWithin(box);
  const { status } = state.link;
  useEffect(() => store.hosting.examine(), [store, status]);
  const lines = linesOf(state);
  const isLooking = status === 'connecting' || (status === 'ready' && state.doctor === null);
  const isWrong = lines.some(({ code }) => code !== 'ok' && code !== 'unknown');
  return (
    <div class="picker selftest" role="dialog" aria-labelledby="selftest-title" tabIndex={-1} ref={box}>
      <div class="selftest-head">
        <h1 class="selftest-title" id="selftest-title">{t('selftest')}</h1>
        <button type="button" class="tool" aria-label={t('selftestClose')} title={t('selftestClose')} onClick={() => store.hosting.setTesting(false)}><Icon name="close" /></button>
      </div>
      <p class="selftest-sum" role="status">{isLooking ? t('selftestLooking') : t(isWrong ? 'selftestWrong' : 'selftestGood')}</p>
      <ul class="selftest-lines">
        {lines.map((line) => <Row key={line.what} line={line} />)}
      </ul>
      <div class="selftest-foot">
        <button type="button" class="action" onClick={store.hosting.testAgain}><Icon name="again" />{t('selftestAgain')}</button>
        <CopyButton text={reportOf(lines, versions())} label={t('selftestCopy')} />
      </div>
    </div>
  );
}

function Row({ line }: { line: Line }) {
  const { what, code, fix } = line;
  const kind = code === 'ok' || code === 'unknown' ? code : 'wrong';
  const words = kind === 'wrong' ? wordsFor(`fix_${code}`) || fix || t('fix_refused') : '';
  return (
    <li class={`selftest-line selftest-${kind}`}>
      <Icon name={ICONS[code] ?? 'cross'} />
      <div>
        <p class="selftest-what">
          {wordsFor(`selftest_${what.replaceAll(' ', '_')}`) || what}
          <span class="selftest-verdict">{t(`verdict_${kind}`)}</span>
        </p>
        {words && <p class="selftest-fix" dir="auto">{words}</p>}
        {code === 'offline' && <pre class="command"><code>make serve</code></pre>}
      </div>
    </li>
  );
}

/** The dialog has the focus while it is open; then what had it before, else the menu's button. */
function useFocusWithin(box: { current: HTMLElement | null }): void {
  useEffect(() => {
    const before = document.activeElement;
    box.current?.focus();
    return () => {
      const back = before instanceof HTMLElement && before !== document.body && before.isConnected ? before : document.getElementById('host-menu');
      setTimeout(() => back?.focus()); // what it lies in is inert until this has gone
    };
  }, [box]);
}

function versions(): string {
  const name = nameOf(navigator.userAgent, 'this system').split(' ')[0];
  return `Retinue ${browser.runtime.getManifest().version}, protocol ${VERSION}, ${name}, ${language()}`;
}
