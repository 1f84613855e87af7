// A small button that shows an icon alone. Called by the header's parts.
import { t } from '../../lib/words.ts';
import { Icon, type IconName } from './Icon.tsx';

export function Tool({ name, icon, act }: { name: string; icon: IconName; act: () => void }) {
  return (
    <button class="tool" type="button" title={t(name)} aria-label={t(name)} onClick={act}>
      <Icon name={icon} />
    </button>
  );
}
