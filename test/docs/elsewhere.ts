/** Documented commands that the story does not run: which file runs them, or why nothing here can. */
export interface Elsewhere {
  command: RegExp;
  /** A file that runs the same thing. */
  runBy?: string;
  notHere?: string;
}

const ENGINE =
  "needs a container engine: the files are checked in test/operations, the scripts inside are run there";

export const ELSEWHERE: Elsewhere[] = [
  { command: /^npm ci$/, runBy: ".ci/run" },
  { command: /^(npm ci && )?npm test$/, runBy: ".ci/run" },
  { command: /^npm run db:check$/, runBy: ".ci/run" },
  {
    command: /^npm run db:generate /,
    notHere: "it changes the migrations; db:check tells whether one is missing",
  },
  { command: /^npx vitest run test\//, runBy: ".ci/run" },
  { command: /^npm run test:cluster$/, runBy: ".ci/run" },
  { command: /^TEST_KUBECONFIG=\S+ npm run test:cluster$/, runBy: ".ci/run" },
  { command: /^TEST_CONTROL_PLANE=\S+ npm run test:control-plane$/, runBy: ".ci/run" },
  { command: /^kubectl apply -f deploy\/kubernetes\//, runBy: "test/control-plane/permissions.test.ts" },
  {
    command: /^kubectl -n sentinel-rollout delete deployment,service,/,
    runBy: "test/control-plane/permissions.test.ts",
  },
  {
    command: /^kubectl -n sentinel-rollout create secret generic /,
    notHere: "a cluster's own: needs files with secrets",
  },
  { command: /^(npm ci && )?npm run dry-run( --)?( --\S+ \S+)*$/, runBy: "test/adapters/stack.test.ts" },
  { command: /^npm run dev( --)?( --\S+ \S+)*$/, runBy: "test/adapters/stack.test.ts" },
  // It would change dist/ under the feet of the tests beside it.
  { command: /^npm run build$/, runBy: ".ci/run" },
  { command: /^(BENCH_\w+=\S+ )?npm run (--silent )?bench( |$)/, runBy: "test/bench/bench.test.ts" },
  { command: /^npm start$/, runBy: "src/local-stack/service.ts" },
  { command: /^(DRY_RUN_OPTIONS='[^']*' )?docker compose /, notHere: ENGINE },
  { command: /^docker (build|run) /, notHere: ENGINE },
  { command: /^kubectl --server http:\/\/localhost:8001 /, notHere: ENGINE },
  {
    command: /^kubectl -n sentinel patch deployment \S+ --type json /,
    runBy: "test/cluster/healing.test.ts",
  },
  { command: /^curl -X POST \S+\/RetryFailed" /, runBy: "test/e2e/retry-failed.test.ts" },
  { command: /^curl -X POST \S+\/Rollout" .*"max_failures"/, runBy: "test/operator/budget.test.ts" },
  { command: /^curl -X POST \S+\/Rollout" .*"soak_seconds"/, runBy: "test/operator/soak.test.ts" },
  { command: /^curl -X POST \S+\/Pause" /, runBy: "test/operator/pause.test.ts" },
  { command: /^curl -X POST \S+\/Abort" /, runBy: "test/operator/abort.test.ts" },
  { command: /^npm run db:prune /, runBy: "test/adapters/prune.test.ts" },
  { command: /^printf '"~\^/, runBy: "test/operations/gateway.test.ts" },
  { command: /^promtool /, runBy: "test/operations/alerts.test.ts" },
  { command: /^export [A-Z_]+='/, notHere: "values of one's own; the story has them set" },
  { command: /^curl -X DELETE "\$RESTATE_ADMIN_URL\/deployments\//, runBy: "test/docs/upgrade.test.ts" },
  { command: /^curl -X POST "\$RESTATE_ADMIN_URL\/deployments"/, runBy: "test/docs/upgrade.test.ts" },
  { command: /^npx restate deployments list$/, runBy: "test/docs/upgrade.test.ts" },
  {
    command: /^npx restate sql "SELECT .* WHERE pinned_deployment_id = /,
    runBy: "test/docs/upgrade.test.ts",
  },
];
