ALTER TABLE "experiments" ADD COLUMN "description" text GENERATED ALWAYS AS (config ->> 'description') STORED;--> statement-breakpoint
ALTER TABLE "experiments" ADD COLUMN "revision" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "experiments" ADD COLUMN "queued_at" bigint;--> statement-breakpoint
ALTER TABLE "experiments" ADD COLUMN "finding" jsonb;--> statement-breakpoint
ALTER TABLE "experiments" ADD COLUMN "headline" jsonb;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "model" text GENERATED ALWAYS AS (spec #>> '{engine,options,model}') STORED;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "examples" bigint GENERATED ALWAYS AS ((summary ->> 'n')::bigint) STORED;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "calls" bigint GENERATED ALWAYS AS ((summary ->> 'calls')::bigint) STORED;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "prompt_tokens" bigint GENERATED ALWAYS AS ((summary #>> '{tokens,prompt}')::bigint) STORED;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "completion_tokens" bigint GENERATED ALWAYS AS ((summary #>> '{tokens,completion}')::bigint) STORED;--> statement-breakpoint
CREATE INDEX "experiments_by_name" ON "experiments" USING btree (left(lower(name), 200),"id" desc);--> statement-breakpoint
CREATE INDEX "results_slowest" ON "results" USING btree ("run_id","latency_ms","row_index","example_id");--> statement-breakpoint
CREATE INDEX "results_as_stored" ON "results" USING btree ("run_id","id");--> statement-breakpoint
CREATE INDEX "runs_model" ON "runs" USING btree ("model");