CREATE TABLE `sentinel_rollout_outcomes` (
	`rollout_id` varchar(64) NOT NULL,
	`outcome` enum('failed','skipped','reverted','succeeded') NOT NULL,
	`sentinel_id` varchar(64) NOT NULL,
	`wave` int NOT NULL,
	`reason` varchar(1024),
	`duration_ms` bigint,
	`recorded_at` bigint NOT NULL,
	CONSTRAINT `sentinel_rollout_outcomes_pk` PRIMARY KEY(`rollout_id`,`outcome`,`sentinel_id`),
	INDEX `sentinel_rollout_outcomes_sentinel_id` (`sentinel_id`,`recorded_at`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
