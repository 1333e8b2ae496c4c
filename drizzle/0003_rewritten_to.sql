-- MySQL has no ADD COLUMN IF NOT EXISTS, and a migration that was killed before it was noted is repeated.
SET @add_column = IF(
	EXISTS(
		SELECT 1 FROM information_schema.columns
		WHERE table_schema = DATABASE() AND table_name = 'sentinel_rollouts' AND column_name = 'rewritten_to'
	),
	'DO 0',
	'ALTER TABLE `sentinel_rollouts` ADD `rewritten_to` varchar(255)'
);
--> statement-breakpoint
PREPARE add_column FROM @add_column;
--> statement-breakpoint
EXECUTE add_column;
