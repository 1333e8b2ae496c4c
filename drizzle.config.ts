import { defineConfig } from "drizzle-kit";

export default defineConfig({ dialect: "mysql", schema: "./src/mysql/history-schema.ts", out: "./drizzle" });
