'use client';
import { PageTitle } from '../parts.tsx';
import { May } from '../signed-in.tsx';
import { AuditLog } from './audit-log.tsx';
import { WorkerQueue } from './worker-queue.tsx';

/** Who executes what, and who did what. */
export function SystemPage() {
  return (
    <>
      <PageTitle>System</PageTitle>
      <div className="grid gap-5">
        <WorkerQueue />
        <May atLeast="admin">
          <AuditLog />
        </May>
      </div>
    </>
  );
}
