CREATE TABLE IF NOT EXISTS `sentinel_rewritten_images` (
	`image` varchar(255) NOT NULL,
	`rewritten` varchar(255) NOT NULL,
	CONSTRAINT `sentinel_rewritten_images_pk` PRIMARY KEY(`image`,`rewritten`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
