'use client';
import { api, type Benchmark } from '../../lib/api.ts';
import { ProgressBar } from '../progress-bar.tsx';
import { RecordList } from '../record-list.tsx';

const goesOn = ({ state }: Benchmark) => state === 'running' || state === 'loading' || state === 'reporting';

function Found({ item }: { item: Benchmark }) {
  const { progress, sentences } = item;
  if (progress !== null) {
    const { cells, loads } = progress;
    const text = [
      `${cells.done} of ${cells.total} cells`,
      ...(loads.total === 0 ? [] : [`${loads.done} of ${loads.total} loads`]),
    ].join(', ');
    return (
      <span className="grid max-w-56 gap-1.5">
        <span className="tabular-nums">{text}</span>
        <ProgressBar
          label={`Progress of ${item.name}`}
          share={(cells.done + loads.done) / Math.max(1, cells.total + loads.total)}
          text={text}
        />
      </span>
    );
  }
  if (sentences.length === 0) return <span className="text-muted">–</span>;
  return (
    <ul className="grid max-w-2xl gap-1.5">
      {sentences.map((sentence) => (
        <li key={sentence} className="line-clamp-2 break-words">
          {sentence}
        </li>
      ))}
    </ul>
  );
}

/** Benchmarks with what they found, newest first. */
export function BenchmarkList() {
  return (
    <RecordList
      title="Benchmarks"
      noun="benchmarks"
      path="/benchmark"
      load={api.benchmarks}
      goesOn={goesOn}
      madeOf={({ methods, optimisations }) => `${methods.join(', ')} × ${optimisations.join(', ')}`}
      columns={[{ name: 'Found', cell: (item) => <Found item={item} /> }]}
      empty={{ title: 'Nothing has been benchmarked yet', command: 'forge bench experiments/bench-lab.yaml' }}
    />
  );
}
