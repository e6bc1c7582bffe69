'use client';
import { api, type Training } from '../../lib/api.ts';
import { goesOn } from '../../lib/live-training.ts';
import { VerdictBadge } from '../parts.tsx';
import { ProgressBar } from '../progress-bar.tsx';
import { RecordList } from '../record-list.tsx';

function Runs({ item }: { item: Training }) {
  const ended = item.runs.filter(({ status }) => status === 'finished').length;
  const done = item.runs.reduce(
    (sum, { status, step, totalSteps }) =>
      sum + (status === 'finished' ? 1 : totalSteps === null || totalSteps === 0 ? 0 : step / totalSteps),
    0,
  );
  const text = `${ended} of ${item.runs.length} finished`;
  return (
    <span className="grid max-w-56 gap-1.5">
      <span className="tabular-nums">{text}</span>
      {goesOn(item.state) ? (
        <ProgressBar label={`Progress of ${item.name}`} share={done / Math.max(1, item.runs.length)} text={text} />
      ) : null}
    </span>
  );
}

function Verdicts({ item }: { item: Training }) {
  if (item.verdicts.length === 0) return <span className="text-muted">–</span>;
  return (
    <ul className="grid max-w-2xl gap-1.5">
      {item.verdicts.slice(0, 3).map(({ sentence, kind }) => (
        <li key={sentence} className="flex items-baseline gap-2">
          <VerdictBadge verdict={kind} />
          <span className="line-clamp-2 min-w-0 break-words">{sentence}</span>
        </li>
      ))}
      {item.verdicts.length > 3 ? <li className="text-muted">and {item.verdicts.length - 3} more</li> : null}
    </ul>
  );
}

/** Trainings with how far they are and what they found, newest first. */
export function TrainingList() {
  return (
    <RecordList
      title="Training"
      noun="trainings"
      path="/training"
      load={api.trainings}
      goesOn={({ state }) => goesOn(state)}
      madeOf={({ objective, trainer, model }) => [objective, trainer, model].filter((part) => part !== '').join(' · ')}
      columns={[
        { name: 'Runs', cell: (item) => <Runs item={item} /> },
        { name: 'Finding', cell: (item) => <Verdicts item={item} /> },
      ]}
      empty={{ title: 'No model has been trained yet', command: 'forge train experiments/dpo-lab.yaml' }}
    />
  );
}
