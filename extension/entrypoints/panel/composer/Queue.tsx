// Questions that wait for the answer before them: each can be edited, removed, and sent when it was held back. Called by Composer.
import { t } from '../../../lib/words.ts';
import { Icon, type IconName } from '../Icon.tsx';
import type { Asking } from '../state/asking.ts';
import type { Queued } from '../state/queue.ts';

interface Props {
  queue: Queued[];
  asking: Asking;
  isBusy: boolean;
}

export function Queue({ queue, asking, isBusy }: Props) {
  const isPaused = queue.some((queued) => queued.isPaused) && !isBusy;
  return (
    <section class="queue" aria-label={t('queue')}>
      <p class="queue-label" role="status">{isPaused ? t('queuePaused') : t('queued', queue.length)}</p>
      <ul class="queue-list">
        {queue.map((queued) => (
          <li key={queued.id} class="queued">
            <span class="queued-words" dir="auto">{queued.question}</span>
            {isPaused && <Tool icon="send" name="queueSend" of={queued} act={() => asking.sendQueued(queued)} />}
            <Tool icon="edit" name="queueEdit" of={queued} act={() => asking.editQueued(queued)} />
            <Tool icon="close" name="queueRemove" of={queued} act={() => asking.removeQueued(queued)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Tool({ icon, name, of, act }: { icon: IconName; name: string; of: Queued; act: () => void }) {
  return (
    <button type="button" class="tool" title={t(name)} aria-label={`${t(name)}: ${of.question}`} onClick={act}>
      <Icon name={icon} />
    </button>
  );
}
