import { ErrorState, Loading, PageTitle } from './parts.tsx';

interface NotThereProps {
  readonly title: string;
  /** The path of the page, which is also the word for what it shows: `/training`. */
  readonly path: string;
  /** From the address; empty where it names none. */
  readonly id: string;
  readonly error: Error | null;
  retry(): void;
  /** Heights of what will be there, px. */
  readonly heights: readonly number[];
}

/** What a page shows in place of a record that has not come: why not, or that it is loading. */
export function NotThere({ title, path, id, error, retry, heights }: NotThereProps) {
  if (id === '' || error !== null) {
    return (
      <>
        <PageTitle>{title}</PageTitle>
        {id === '' ? (
          <ErrorState error={`The address names no ${path.slice(1)}: it should be ${path}?id=...`} />
        ) : (
          <ErrorState error={error} retry={retry} />
        )}
      </>
    );
  }
  return (
    <>
      <PageTitle>{title}</PageTitle>
      <div className="grid gap-4">
        {heights.map((height, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: grey boxes in a fixed order
          <Loading key={place} height={height} />
        ))}
      </div>
    </>
  );
}
