/**
 * What `npm test` runs, by project: what a change is most likely to break, in less than five minutes on two cores.
 * `npm run test:all` runs everything.
 */
export const QUICK: Record<string, string[]> = {
  parts: [
    "test/{domain,restate}/**/!(model-*).test.ts",
    "test/adapters/{cluster-health,config,fleet,fleet-count,health,history,limiter,migrations,mysql,ports}.test.ts",
    "test/adapters/{registration,row-fence,secrets,slack,statements,watcher,work-metrics}.test.ts",
    "test/operations/{compose,dockerfile,links,structure,verbs-table,versions}.test.ts",
  ],
  cluster: ["test/cluster/{exchange,patch,recorded,verdicts}.test.ts"],
  e2e: ["test/e2e/{deploy,pause,rollout}.test.ts", "test/operator/{bad-requests,killed-altogether}.test.ts"],
  faults: ["test/faults/{checker,dependencies,soak}.test.ts"],
};
