-- The index is part of the statement: DDL is not transactional, so a migration has one.
CREATE TABLE `sentinel_rollouts` (
	`id` varchar(64) NOT NULL,
	`image` varchar(255) NOT NULL,
	`started_by` varchar(255),
	`invocation_id` varchar(64),
	`state` enum('in_progress','paused','cancelled','completed','rolling_back') NOT NULL,
	`wave` int NOT NULL,
	`waves` int NOT NULL,
	`wave_sizes` varchar(1024) NOT NULL,
	`total` int NOT NULL,
	`succeeded` int NOT NULL,
	`failed` int NOT NULL,
	`skipped` int NOT NULL,
	`reverted` int NOT NULL,
	`pause_reason` varchar(1024),
	`started_at` bigint NOT NULL,
	`ended_at` bigint,
	`updated_at` bigint NOT NULL,
	`revision` bigint NOT NULL,
	CONSTRAINT `sentinel_rollouts_id` PRIMARY KEY(`id`),
	INDEX `sentinel_rollouts_started_at` (`started_at`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
