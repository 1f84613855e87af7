// The lines over the field: what the next question takes the place of, and which passage it is about. Called by Composer.
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';

export function Editing({ stop }: { stop: () => void }) {
  return (
    <div class="strip">
      <span class="strip-label" role="status">{t('editing')}</span>
      <Close name="stopEditing" act={stop} />
    </div>
  );
}

export function Selection({ text, drop }: { text: string; drop: () => void }) {
  return (
    <div class="strip">
      <span class="strip-label">{t('aboutSelection')}</span>
      <q class="strip-text" dir="auto">{text}</q>
      <Close name="dropSelection" act={drop} />
    </div>
  );
}

function Close({ name, act }: { name: string; act: () => void }) {
  return (
    <button type="button" class="tool" aria-label={t(name)} title={t(name)} onClick={act}>
      <Icon name="close" />
    </button>
  );
}
