CREATE TABLE "calls" (
	"result_id" bigint NOT NULL,
	"index" integer NOT NULL,
	"prompt" text NOT NULL,
	"sampling" jsonb NOT NULL,
	"seed" bigint NOT NULL,
	"output" text NOT NULL,
	"finish_reason" text NOT NULL,
	"usage" jsonb NOT NULL,
	"timing" jsonb NOT NULL,
	"cached" boolean NOT NULL,
	"retries" integer NOT NULL,
	"error" jsonb,
	CONSTRAINT "calls_pkey" PRIMARY KEY("result_id","index")
);
--> statement-breakpoint
CREATE TABLE "experiments" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"source" text NOT NULL,
	"config" jsonb NOT NULL,
	"config_hash" text NOT NULL,
	"created_at" bigint NOT NULL,
	"deleted_at" bigint
);
--> statement-breakpoint
CREATE TABLE "responses" (
	"key" text PRIMARY KEY NOT NULL,
	"generation" jsonb NOT NULL,
	"created_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "results" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "results_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"run_id" uuid NOT NULL,
	"example_id" text NOT NULL,
	"row_index" integer NOT NULL,
	"question" text NOT NULL,
	"targets" jsonb NOT NULL,
	"cluster" text,
	"answer" text NOT NULL,
	"steps" jsonb NOT NULL,
	"flags" jsonb NOT NULL,
	"failure" jsonb,
	"scores" jsonb NOT NULL,
	"latency_ms" double precision NOT NULL,
	"finished_at" bigint NOT NULL,
	"prompt_tokens" bigint NOT NULL,
	"cached_prompt_tokens" bigint NOT NULL,
	"completion_tokens" bigint NOT NULL,
	"compute_ms" double precision NOT NULL,
	"calls" integer NOT NULL,
	"cached_calls" integer NOT NULL,
	"retries" integer NOT NULL,
	"size" bigint NOT NULL,
	CONSTRAINT "results_run_example" UNIQUE("run_id","example_id")
);
--> statement-breakpoint
CREATE TABLE "runs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"experiment_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"variant" text NOT NULL,
	"spec" jsonb NOT NULL,
	"method" text GENERATED ALWAYS AS (spec #>> '{method,name}') STORED,
	"engine" text GENERATED ALWAYS AS (spec #>> '{engine,name}') STORED,
	"dataset" text GENERATED ALWAYS AS (spec #>> '{dataset,name}') STORED,
	"status" text NOT NULL,
	"total" integer,
	"provenance" jsonb,
	"error" text,
	"created_at" bigint NOT NULL,
	"started_at" bigint,
	"finished_at" bigint,
	"wall_ms" double precision DEFAULT 0 NOT NULL,
	"summary" jsonb,
	CONSTRAINT "runs_experiment_position" UNIQUE("experiment_id","position"),
	CONSTRAINT "runs_status_known" CHECK (status in ('pending', 'running', 'finished', 'cancelled', 'failed'))
);
--> statement-breakpoint
ALTER TABLE "calls" ADD CONSTRAINT "calls_result_id_results_id_fk" FOREIGN KEY ("result_id") REFERENCES "public"."results"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "results" ADD CONSTRAINT "results_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "runs" ADD CONSTRAINT "runs_experiment_id_experiments_id_fk" FOREIGN KEY ("experiment_id") REFERENCES "public"."experiments"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "experiments_config_hash" ON "experiments" USING btree ("config_hash");--> statement-breakpoint
CREATE INDEX "results_in_order" ON "results" USING btree ("run_id","row_index","example_id");--> statement-breakpoint
CREATE INDEX "results_failed" ON "results" USING btree ("run_id","row_index") WHERE failure is not null;--> statement-breakpoint
CREATE INDEX "runs_status" ON "runs" USING btree ("status");--> statement-breakpoint
CREATE INDEX "runs_method" ON "runs" USING btree ("method");--> statement-breakpoint
CREATE INDEX "runs_engine" ON "runs" USING btree ("engine");--> statement-breakpoint
CREATE INDEX "runs_dataset" ON "runs" USING btree ("dataset");