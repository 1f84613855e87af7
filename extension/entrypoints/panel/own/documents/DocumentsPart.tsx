// From one's own documents to a tuned copilot, from top to bottom: files, drafts to be judged, training. Called by View.
import { useEffect, useRef } from 'preact/hooks';
import type { DocumentsState } from '../../../../lib/connection/protocol.ts';
import { t } from '../../../../lib/words.ts';
import { SeenButton } from '../../host/SeenButton.tsx';
import { Icon } from '../../Icon.tsx';
import type { State } from '../../state/state.ts';
import { type Documents, KINDS } from './documents.ts';
import { Review } from './Review.tsx';

interface Props {
  documents: Documents;
  state: State;
  leave: () => void;
}

export function DocumentsPart({ documents, state, leave }: Props) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  const { name, state: known, sending, notice } = documents.view;
  const pairs = known?.pairs ?? [];
  return (
    <>
      <div class="own-head">
        <button type="button" class="tool" title={t('ownBack')} aria-label={t('ownBack')} onClick={leave}><Icon name="previous" /></button>
        <h2 class="own-title" tabIndex={-1} ref={title}>{t('documentsTitle', name)}</h2>
      </div>
      <div class="options own-documents">
        <p class="own-hint">{t('documentsAbout')}</p>
        <Files documents={documents} known={known} sending={sending} isInPage={state.host === 'page'} />
        {known && known.documents.length > 0 && <Drafting documents={documents} known={known} />}
        {pairs.length > 0 && <Review documents={documents} pairs={pairs} />}
      </div>
      <Foot documents={documents} notice={notice} state={state} accepted={pairs.filter(({ verdict }) => verdict === 'accepted').length} />
    </>
  );
}

/** A document goes with its drafts and does not come back: not inside a page, which could have placed the click. */
function Files({ documents, known, sending, isInPage }: { documents: Documents; known: DocumentsState | null; sending: string; isInPage: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  const take = (files: FileList | null): void => {
    void documents.send([...(files ?? [])]);
    if (input.current) input.current.value = '';
  };
  return (
    <>
      <ul class="own-files" aria-label={t('documents')}>
        {known?.documents.map(({ id, name, pages }) => (
          <li key={id} class="own-file">
            <Icon name="page" />
            <span class="own-file-name">{name}</span>
            <span class="own-hint">{t('documentPages', pages)}</span>
            {!isInPage && <button type="button" class="tool" title={t('documentRemove', name)} aria-label={t('documentRemove', name)} onClick={() => documents.remove(id)}><Icon name="close" /></button>}
          </li>
        ))}
      </ul>
      <button type="button" class="action own-new" disabled={sending !== ''} onClick={() => input.current?.click()}><Icon name="plus" />{sending ? t('documentSending', sending) : t('documentAdd')}</button>
      <input type="file" multiple class="sr-only" accept={KINDS} tabIndex={-1} aria-hidden="true" ref={input} onChange={(event) => take(event.currentTarget.files)} />
    </>
  );
}

function Drafting({ documents, known: { drafting, done, total, pairs } }: { documents: Documents; known: DocumentsState }) {
  return (
    <div class="own-drafting">
      <button type="button" class="action own-new" onClick={() => documents.draft(!drafting)}>{t(drafting ? 'draftsStop' : pairs.length > 0 ? 'draftsMore' : 'draftsMake')}</button>
      {drafting && <progress max={Math.max(1, total)} value={total > 0 ? done : undefined} aria-label={t('draftsMaking', done, total)} />}
      <p class="own-hint" role="status">{drafting ? t('draftsMaking', done, total) : ''}</p>
    </div>
  );
}

function Foot({ documents, notice, state, accepted }: { documents: Documents; notice: string; state: State; accepted: number }) {
  const isInPage = state.host === 'page';
  const isRunning = state.training?.type === 'train.progress';
  return (
    <div class="history-foot own-foot">
      <p role="status">{notice || t('draftsAccepted', accepted)}</p>
      {accepted > 0 && !isRunning && <span class="own-save"><SeenButton host={state.host} name={isInPage ? 'documentsKeep' : 'train'} act={() => void documents.train()} /></span>}
      {accepted > 0 && isInPage && <button type="button" class="action" onClick={documents.toSidePanel}>{t('teachBeside')}</button>}
    </div>
  );
}
