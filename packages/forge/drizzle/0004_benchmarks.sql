CREATE TABLE "benchmark_points" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "benchmark_points_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"benchmark_id" uuid NOT NULL,
	"key" text NOT NULL,
	"point" jsonb NOT NULL,
	CONSTRAINT "benchmark_points_once" UNIQUE("benchmark_id","key")
);
--> statement-breakpoint
CREATE TABLE "benchmarks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"source" text NOT NULL,
	"config" jsonb NOT NULL,
	"config_hash" text NOT NULL,
	"experiment_id" uuid NOT NULL,
	"created_at" bigint NOT NULL,
	"report" jsonb
);
--> statement-breakpoint
ALTER TABLE "benchmark_points" ADD CONSTRAINT "benchmark_points_benchmark_id_benchmarks_id_fk" FOREIGN KEY ("benchmark_id") REFERENCES "public"."benchmarks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "benchmarks" ADD CONSTRAINT "benchmarks_experiment_id_experiments_id_fk" FOREIGN KEY ("experiment_id") REFERENCES "public"."experiments"("id") ON DELETE cascade ON UPDATE no action;