// What the user should know of an engine that is not this machine's own: where the page's text goes, and what stands behind a quotation. Called by App.
import type { EngineCard } from '../../lib/connection/protocol.ts';
import { t } from '../../lib/words.ts';

export function EngineNote({ engine }: { engine: EngineCard }) {
  return (
    <p class="engine" role="note">
      {engine.host && <span class="engine-host" title={t('engineHostTitle', engine.host)}>{t('engineHost', engine.host)}</span>}
      <span class="engine-fact" title={factsTitle(engine)}>{t(`quotes_${engine.quotes}`)}</span>
    </p>
  );
}

function factsTitle({ adapters, shares_page }: EngineCard): string {
  return [adapters === 'none' && t('engineInstructed'), !shares_page && t('engineReadsAgain')].filter(Boolean).join(' ');
}
