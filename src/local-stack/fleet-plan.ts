/** The image that the whole fleet runs before a rollout. */
export const OLD_IMAGE = "ghcr.io/unkeyed/sentinel:v1.2.2";

/** A sentinel of the seeded fleet, as both its row and its Deployment describe it. */
export interface FleetSentinel {
  id: string;
  k8sName: string;
  workspaceId: string;
  projectId: string;
  environmentId: string;
  regionId: string;
  replicas: number;
  cpuMillicores: number;
  memoryMib: number;
}

const WORKSPACES = ["acme", "globex", "initech", "umbrella", "hooli", "stark", "wayne", "soylent"];
const PROJECTS = ["api", "gateway", "billing", "search"];
const ENVIRONMENTS = ["production", "preview"];
const REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-2"];

/**
 * A fleet of `count` sentinels: workspaces with projects, each with environments that have a sentinel in every region.
 * The same count and regions give the same fleet, with ids that sort in order: `sen_0001` to `sen_0100`.
 */
export function planFleet(count: number, regions: readonly string[] = REGIONS): FleetSentinel[] {
  return Array.from({ length: count }, (_, index) => sentinel(index, count, regions));
}

function sentinel(index: number, count: number, regions: readonly string[]): FleetSentinel {
  const environment = Math.floor(index / regions.length);
  const project = Math.floor(environment / ENVIRONMENTS.length);
  const workspace = Math.floor(project / PROJECTS.length);
  const number = String(index + 1).padStart(Math.max(4, String(count).length), "0");
  const isProduction = environment % ENVIRONMENTS.length === 0;
  const workspaceName = unique(WORKSPACES, workspace);
  const projectName = `${workspaceName}_${pick(PROJECTS, project)}`;
  return {
    id: `sen_${number}`,
    k8sName: `sentinel-${number}`,
    workspaceId: `ws_${workspaceName}`,
    projectId: `proj_${projectName}`,
    environmentId: `env_${projectName}_${pick(ENVIRONMENTS, environment)}`,
    regionId: pick(regions, index),
    replicas: isProduction ? 2 + (project % 2) : 1,
    cpuMillicores: isProduction ? 500 : 250,
    memoryMib: isProduction ? 512 : 256,
  };
}

function pick(values: readonly string[], index: number): string {
  return values[index % values.length] ?? "";
}

/** Beyond the names there are: numbered ones. */
function unique(names: readonly string[], index: number): string {
  const round = Math.floor(index / names.length);
  return round === 0 ? pick(names, index) : `${pick(names, index)}${round + 1}`;
}
