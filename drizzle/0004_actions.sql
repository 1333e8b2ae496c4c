CREATE TABLE IF NOT EXISTS `sentinel_rollout_actions` (
	`id` varchar(64) NOT NULL,
	`verb` varchar(32) NOT NULL,
	`operator` varchar(255),
	`comment` varchar(1024),
	`rollout_id` varchar(64),
	`from_state` varchar(32),
	`to_state` varchar(32),
	`refused` varchar(1024),
	`asked_at` bigint NOT NULL,
	CONSTRAINT `sentinel_rollout_actions_id` PRIMARY KEY(`id`),
	INDEX `sentinel_rollout_actions_asked_at` (`asked_at`),
	INDEX `sentinel_rollout_actions_rollout_id` (`rollout_id`,`asked_at`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
