import { type BenchStack, rows } from "./stack.ts";

/** Has the database itself note when a row becomes `ready`. */
export async function recordReadyTimes({ db }: BenchStack): Promise<void> {
  await db.query("CREATE TABLE bench_ready (k8s_name varchar(64) PRIMARY KEY, at_ms double)");
  await db.query(`CREATE TRIGGER bench_ready AFTER UPDATE ON sentinels FOR EACH ROW
    IF NEW.deploy_status = 'ready' AND OLD.deploy_status <> 'ready' THEN
      REPLACE INTO bench_ready VALUES (NEW.k8s_name, UNIX_TIMESTAMP(SYSDATE(3)) * 1000);
    END IF`);
}

/** When (unix ms) each row became `ready`, by the name of its Deployment. */
export async function readyTimes(stack: BenchStack): Promise<Map<string, number>> {
  const found = await rows<{ k8s_name: string; at_ms: number }>(stack, "SELECT * FROM bench_ready");
  return new Map(found.map(({ k8s_name, at_ms }) => [k8s_name, at_ms]));
}
