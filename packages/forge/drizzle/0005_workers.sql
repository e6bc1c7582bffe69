CREATE TABLE "leases" (
	"key" text NOT NULL,
	"slot" integer NOT NULL,
	"holder" uuid,
	"expires_at" timestamp with time zone,
	CONSTRAINT "leases_pkey" PRIMARY KEY("key","slot")
);
--> statement-breakpoint
CREATE TABLE "limits" (
	"key" text PRIMARY KEY NOT NULL,
	"max" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "queued_experiments" (
	"experiment_id" uuid PRIMARY KEY NOT NULL,
	"priority" integer DEFAULT 0 NOT NULL,
	"paused" boolean DEFAULT false NOT NULL,
	"planned" boolean DEFAULT false NOT NULL,
	"version" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "run_failures" (
	"experiment_id" uuid NOT NULL,
	"run_id" uuid NOT NULL,
	"worker_id" uuid NOT NULL,
	"error" text NOT NULL,
	CONSTRAINT "run_failures_pkey" PRIMARY KEY("run_id","worker_id")
);
--> statement-breakpoint
CREATE TABLE "shards" (
	"id" uuid PRIMARY KEY NOT NULL,
	"experiment_id" uuid NOT NULL,
	"run_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"indices" jsonb NOT NULL,
	"requirement" jsonb NOT NULL,
	"state" text DEFAULT 'waiting' NOT NULL,
	"worker_id" uuid,
	"attempts" integer DEFAULT 0 NOT NULL,
	"issued_at" timestamp with time zone,
	"claimed_at" timestamp with time zone,
	CONSTRAINT "shards_state_known" CHECK (state in ('waiting', 'claimed', 'done'))
);
--> statement-breakpoint
CREATE TABLE "suspects" (
	"run_id" uuid NOT NULL,
	"row_index" integer NOT NULL,
	"tries" integer NOT NULL,
	CONSTRAINT "suspects_pkey" PRIMARY KEY("run_id","row_index")
);
--> statement-breakpoint
CREATE TABLE "workers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"kind" text NOT NULL,
	"state" text DEFAULT 'working' NOT NULL,
	"version" text NOT NULL,
	"capabilities" jsonb NOT NULL,
	"started_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"seen_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"waits_for" text
);
--> statement-breakpoint
ALTER TABLE "queued_experiments" ADD CONSTRAINT "queued_experiments_experiment_id_experiments_id_fk" FOREIGN KEY ("experiment_id") REFERENCES "public"."experiments"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_failures" ADD CONSTRAINT "run_failures_experiment_id_queued_experiments_experiment_id_fk" FOREIGN KEY ("experiment_id") REFERENCES "public"."queued_experiments"("experiment_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "shards" ADD CONSTRAINT "shards_experiment_id_queued_experiments_experiment_id_fk" FOREIGN KEY ("experiment_id") REFERENCES "public"."queued_experiments"("experiment_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "shards" ADD CONSTRAINT "shards_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "suspects" ADD CONSTRAINT "suspects_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "leases_of_holder" ON "leases" USING btree ("holder");--> statement-breakpoint
CREATE INDEX "shards_of_experiment" ON "shards" USING btree ("experiment_id","state");--> statement-breakpoint
CREATE INDEX "shards_of_run" ON "shards" USING btree ("run_id","state");--> statement-breakpoint
CREATE INDEX "shards_of_worker" ON "shards" USING btree ("worker_id");