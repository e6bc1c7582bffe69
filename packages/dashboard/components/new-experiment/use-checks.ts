'use client';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, type Validation, type VariantPlan } from '../../lib/api.ts';

function useSettled(text: string, delayMs: number): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), delayMs);
    return () => clearTimeout(timer);
  }, [text, delayMs]);
  return settled;
}

export interface Checks {
  /** Of the text before, while this one is checked. */
  readonly validation: Validation | undefined;
  readonly validationError: Error | null;
  readonly plan: readonly VariantPlan[] | undefined;
  readonly planError: Error | null;
  /** The plan is still that of the text before. */
  readonly planning: boolean;
}

/** What the server says of a document, asked again once typing rests. */
export function useChecks(source: string): Checks {
  const settled = useSettled(source, 300);
  const once = { staleTime: Number.POSITIVE_INFINITY, retry: false, placeholderData: keepPreviousData } as const;
  const validation = useQuery({
    ...once,
    queryKey: ['validate', settled],
    queryFn: ({ signal }) => api.validate({ source: settled }, { signal }),
  });
  const valid = settled === source && !validation.isPlaceholderData && validation.data?.ok === true;
  const plan = useQuery({
    ...once,
    queryKey: ['plan', settled],
    queryFn: ({ signal }) => api.plan({ source: settled }, { signal }),
    enabled: valid,
  });
  return {
    validation: validation.data,
    validationError: validation.error,
    plan: plan.data?.variants,
    planError: valid ? plan.error : null,
    planning: !valid || plan.isFetching,
  };
}
