// What a training gained and forgot, and every version that can be used instead. Called by Teach.
import type { AdapterReport, AdapterVersion, Measure, TrainReport } from '../../../lib/connection/protocol.ts';
import { date, t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { Curve } from './Curve.tsx';
import { figureOf, verdictOf } from './measures.ts';
import type { Taught, Teaching } from './teaching.ts';

interface Props {
  store: Store;
  state: State;
  teaching: Teaching;
  taught: Taught;
}

export function Report({ store, state, teaching, taught }: Props) {
  const { versions, trouble } = taught;
  if (versions === null) return trouble ? null : <p class="none" role="status">{t('teachLoading')}</p>;
  const fresh = freshOf(state, taught.copilot);
  const report = fresh?.report ?? versions.find((version) => version.in_use)?.report ?? null;
  return (
    <div class="teach-part">
      {fresh && <Verdict fresh={fresh} store={store} teaching={teaching} versions={versions} />}
      {report ? <Figures report={report} /> : <p class="teach-note">{t('reportNone')}</p>}
      {fresh && <Curve trained={fresh.trained} heldout={fresh.heldout} steps={0} />}
      {report && report.samples.length > 0 && <Samples report={report} />}
      <Versions versions={versions} restore={(id) => void teaching.restore(id)} />
    </div>
  );
}

/** The report of the training that has just ended, until it is put away. */
function freshOf({ training }: State, copilot: string): TrainReport | null {
  return training?.type === 'train.report' && training.copilot === copilot && training.code === null ? training : null;
}

/** Used already when it gained: keeping it puts the report away, discarding it brings back what answered before. */
function Verdict({ fresh, store, teaching, versions }: { fresh: TrainReport; store: Store; teaching: Teaching; versions: AdapterVersion[] }) {
  const former = versions.find((version) => !version.in_use);
  const keep = (): void => store.endTraining(fresh.copilot);
  const discard = (): void => void (former && teaching.restore(former.id).then((isDone) => isDone && keep()));
  return (
    <div class={`report-verdict${fresh.activated ? ' report-used' : ''}`} role="status">
      <p class="report-title">{fresh.activated && <Icon name="check" />}{t(fresh.activated ? 'reportUsedTitle' : 'reportUnusedTitle')}</p>
      <p>{fresh.why}</p>
      <div class="editor-foot">
        <button type="button" class="primary" onClick={keep}>{t(fresh.activated ? 'reportKeep' : 'trainPutAway')}</button>
        {fresh.activated && former && <button type="button" class="action" onClick={discard}>{t('reportDiscard')}</button>}
      </div>
    </div>
  );
}

function Figures({ report }: { report: AdapterReport }) {
  return (
    <table class="report">
      <caption>{t('reportCaption', report.examples, report.pages)} {report.corrections > 0 && t('reportCorrections', report.corrections)}</caption>
      <thead><tr><th scope="col">{t('reportWhat')}</th><th scope="col">{t('reportBefore')}</th><th scope="col">{t('reportAfter')}</th></tr></thead>
      <tbody>{report.measures.map((measure) => <Line key={measure.name} measure={measure} />)}</tbody>
    </table>
  );
}

function Line({ measure }: { measure: Measure }) {
  const { name, before, after, verdict } = measure;
  const isMeasured = verdict !== 'none';
  return (
    <tr>
      <th scope="row">
        {t(`${name}MeasureTitle`)}
        <span class={`report-words report-${verdict}`}>{verdictOf(measure)}</span>
      </th>
      <td>{isMeasured ? figureOf(measure, before) : '–'}</td>
      <td>{isMeasured ? figureOf(measure, after) : '–'}</td>
    </tr>
  );
}

function Samples({ report }: { report: AdapterReport }) {
  return (
    <details class="samples">
      <summary class="action">{t('reportSamples')}</summary>
      {report.samples.map(({ question, before, after }) => (
        <div key={`${question}\n${before}`} class="sample">
          <p class="correction-question" dir="auto">{question}</p>
          <p class="correction-label">{t('reportBefore')}</p>
          <p class="correction-words" dir="auto">{before}</p>
          <p class="correction-label">{t('reportAfter')}</p>
          <p class="correction-words" dir="auto">{after}</p>
        </div>
      ))}
    </details>
  );
}

function Versions({ versions, restore }: { versions: AdapterVersion[]; restore: (id: string) => void }) {
  return (
    <section aria-label={t('versionsTitle')}>
      <h3 class="group-name">{t('versionsTitle')}</h3>
      <ul class="history-list">
        {versions.map((version) => <Version key={version.id} version={version} restore={restore} />)}
      </ul>
    </section>
  );
}

function Version({ version, restore }: { version: AdapterVersion; restore: (id: string) => void }) {
  const { id, in_use: isInUse, made_ms: made, report } = version;
  const name = id === 'shipped' ? t('versionShipped') : t('versionOf', made === null ? '?' : date(new Date(made), { dateStyle: 'medium', timeStyle: 'short' }));
  const checks = report?.measures.find((measure) => measure.name === 'checks');
  const figures = checks ? t('versionChecks', figureOf(checks, checks.after)) : '';
  const taught = report && report.corrections > 0 ? t('reportCorrections', report.corrections) : '';
  return (
    <li class="version">
      <span class="version-words">
        <span class="version-name">{name}</span>
        <span class="history-about">{[figures, taught].filter(Boolean).join(' · ')}</span>
      </span>
      {isInUse ? <span class="version-now"><Icon name="check" />{t('versionNow')}</span>
        : <button type="button" class="action" aria-label={`${t('versionUse')}: ${name}`} onClick={() => restore(id)}>{t('versionUse')}</button>}
    </li>
  );
}
