/**
 * The one-shot job of docker-compose.yml: the migrations, simulated nodes, and a fleet of rows and Deployments.
 * Whatever is there already stays as it is, so it may run again at any time.
 */

import { readConfig } from "../../config.ts";
import { plural } from "../../domain/progress.ts";
import { migrateDatabase } from "../../mysql/migrate.ts";
import { connectCluster } from "../cluster.ts";
import { checkFaults, seedFleet } from "../fleet.ts";
import { planFleet } from "../fleet-plan.ts";
import { OPTIONS_HELP, parseOptions, UsageError } from "../options.ts";
import { runCommand } from "../run-command.ts";
import { addMissingNamespace, addMissingNodes } from "./cluster-parts.ts";

runCommand(async (signal) => {
  const options = parseOptions(process.argv.slice(2), 1);
  if (options.help) {
    process.stdout.write(`Usage: node src/local-stack/compose/seed.ts [options]\n\n${OPTIONS_HELP}\n`);
    return 0;
  }
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const { databaseUrl, kubeNamespace, kubeContainer } = readConfig(process.env);
  const kubeconfig = options.kubeconfig ?? process.env.KUBECONFIG;
  if (!kubeconfig) throw new UsageError("KUBECONFIG or --kubeconfig must name the cluster");
  const fleet = planFleet(options.sentinels);
  checkFaults(fleet, options.faults);

  await migrateDatabase(databaseUrl, { withSentinels: true });
  say("migrations applied");
  const cluster = connectCluster(kubeconfig);
  try {
    await addMissingNodes(cluster, SIMULATED_NODES);
    await addMissingNamespace(cluster, kubeNamespace);
    await seedFleet({
      databaseUrl,
      sentinels: fleet,
      clusterOf: () => cluster,
      faults: options.faults,
      faultImage: options.image,
      namespace: kubeNamespace,
      container: kubeContainer,
      isRealCluster: true,
      keepsExisting: true,
      signal,
    });
  } finally {
    await cluster.close();
  }
  say(`${plural(fleet.length, "sentinel")} in the namespace ${kubeNamespace}`);
  return 0;
});

/** More than any sentinel of the fleet has replicas. */
const SIMULATED_NODES = 4;
