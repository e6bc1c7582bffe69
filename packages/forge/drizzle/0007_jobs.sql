CREATE TABLE "queued_jobs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"name" text NOT NULL,
	"requirement" jsonb NOT NULL,
	"priority" integer DEFAULT 0 NOT NULL,
	"paused" boolean DEFAULT false NOT NULL,
	"version" text NOT NULL,
	"state" text DEFAULT 'waiting' NOT NULL,
	"worker_id" uuid,
	"worker_name" text,
	"attempts" integer DEFAULT 0 NOT NULL,
	"error" text,
	"issued_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"claimed_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	CONSTRAINT "queued_jobs_state_known" CHECK (state in ('waiting', 'claimed', 'done', 'failed', 'cancelled'))
);
--> statement-breakpoint
CREATE UNIQUE INDEX "queued_jobs_once" ON "queued_jobs" USING btree ("kind","subject") WHERE state in ('waiting', 'claimed');--> statement-breakpoint
CREATE INDEX "queued_jobs_by_state" ON "queued_jobs" USING btree ("state");