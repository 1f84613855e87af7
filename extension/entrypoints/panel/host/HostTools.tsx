// The header's buttons for the sidebar itself: a menu of places, fold, close. Called by Header.
import { useState } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { Tool } from '../Tool.tsx';
import { Menu, type MenuItem } from './Menu.tsx';
import { Shortcuts } from './Shortcuts.tsx';

export function HostTools({ store, state }: { store: Store; state: State }) {
  const [open, setOpen] = useState<'menu' | 'shortcuts' | null>(null);
  const { hosting } = store;
  const showShortcuts = (): void => {
    hosting.askShortcuts();
    setOpen('shortcuts');
  };
  const close = (): void => setOpen(null);
  return (
    <>
      <span class="menu-anchor">
        <button class="tool" type="button" id="host-menu" title={t('hostMenu')} aria-label={t('hostMenu')} aria-haspopup="menu" aria-expanded={open === 'menu'} onClick={() => setOpen(open === 'menu' ? null : 'menu')}>
          <Icon name="more" />
        </button>
        {open === 'menu' && <Menu items={itemsOf(store, state, showShortcuts)} label={t('hostMenu')} opener="host-menu" onDone={close} />}
        {open === 'shortcuts' && <Shortcuts shortcuts={state.shortcuts} host={state.host} remap={hosting.remap} opener="host-menu" onDone={close} />}
      </span>
      {state.host === 'page' && <Tool name="fold" icon="fold" act={hosting.fold} />}
      {state.host === 'page' && <Tool name="close" icon="close" act={hosting.close} />}
    </>
  );
}

function itemsOf(store: Store, { host, stand: { shape, floats } }: State, showShortcuts: () => void): MenuItem[] {
  const { hosting } = store;
  const own: MenuItem = { name: 'own', act: () => store.showOwn(true) };
  const teach: MenuItem = { name: 'teach', act: () => store.showTeach({ section: 'corrections', correct: null }) };
  const engine: MenuItem = { name: 'engines', act: () => hosting.setChoosingEngine(true) };
  const move = (to: State['host']): MenuItem => ({ name: `move_${to}`, act: () => void hosting.move(to) });
  const help: MenuItem[] = [{ name: 'shortcuts', act: showShortcuts, stays: true }, { name: 'selftest', act: () => hosting.setTesting(true) }, { name: 'tour', act: hosting.openSample }];
  if (host === 'side') return [own, teach, engine, move('page'), move('tab'), ...help];
  if (host === 'tab') return [own, teach, engine, move('page'), ...help];
  const float: MenuItem = { name: 'float', act: () => hosting.float(true) };
  const dock: MenuItem = { name: 'dock', act: () => hosting.float(false) }; // not offered where it floats because the page does not follow
  const shapes = [...(shape === 'dock' ? [float] : floats ? [dock] : []), { name: 'flip', act: hosting.flip }];
  return [own, ...(shape === 'sheet' ? [] : shapes), move('side'), move('tab'), ...help];
}
