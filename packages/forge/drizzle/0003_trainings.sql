CREATE TABLE "training_events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "training_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"run_id" uuid NOT NULL,
	"type" text NOT NULL,
	"step" integer NOT NULL,
	"part" text NOT NULL,
	"event" jsonb NOT NULL,
	CONSTRAINT "training_events_once" UNIQUE("run_id","type","step","part")
);
--> statement-breakpoint
CREATE TABLE "training_runs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"training_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"variant" text NOT NULL,
	"spec" jsonb NOT NULL,
	"status" text NOT NULL,
	"folder" text,
	"total_steps" integer,
	"step" integer DEFAULT 0 NOT NULL,
	"provenance" jsonb,
	"error" text,
	"created_at" bigint NOT NULL,
	"started_at" bigint,
	"finished_at" bigint,
	"wall_ms" double precision DEFAULT 0 NOT NULL,
	"artifacts" jsonb NOT NULL,
	"outcome" jsonb,
	CONSTRAINT "training_runs_training_position" UNIQUE("training_id","position"),
	CONSTRAINT "training_runs_status_known" CHECK (status in ('pending', 'running', 'finished', 'cancelled', 'failed'))
);
--> statement-breakpoint
CREATE TABLE "trainings" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"source" text NOT NULL,
	"config" jsonb NOT NULL,
	"config_hash" text NOT NULL,
	"created_at" bigint NOT NULL,
	"report" jsonb
);
--> statement-breakpoint
ALTER TABLE "training_events" ADD CONSTRAINT "training_events_run_id_training_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."training_runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "training_runs" ADD CONSTRAINT "training_runs_training_id_trainings_id_fk" FOREIGN KEY ("training_id") REFERENCES "public"."trainings"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "training_events_as_stored" ON "training_events" USING btree ("run_id","id");