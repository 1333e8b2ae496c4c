import { apiVersion, RESOURCES, type Resource } from "./resources.ts";

/** What `kubectl` reads first: which groups, versions and resources there are. Undefined for other paths. */
export function discovery(path: string): object | undefined {
  switch (path) {
    case "/version":
      return VERSION;
    case "/api":
      return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] };
    case "/apis":
      return { kind: "APIGroupList", apiVersion: "v1", groups: [APPS] };
    case "/apis/apps":
      return { kind: "APIGroup", apiVersion: "v1", ...APPS };
    case "/api/v1":
      return resourceList("v1");
    case "/apis/apps/v1":
      return resourceList("apps/v1");
    default:
      return undefined;
  }
}

/** The release whose behaviour this stand-in was compared with. */
const VERSION = {
  major: "1",
  minor: "36",
  gitVersion: "v1.36.3+embedded",
  gitCommit: "",
  gitTreeState: "",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "",
  compiler: "",
  platform: "",
};

const APPS_VERSION = { groupVersion: "apps/v1", version: "v1" };
const APPS = { name: "apps", versions: [APPS_VERSION], preferredVersion: APPS_VERSION };

function resourceList(groupVersion: string): object {
  const served = RESOURCES.filter((resource) => apiVersion(resource) === groupVersion);
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources: served.flatMap(entries) };
}

function entries(resource: Resource): object[] {
  const { plural, singular, namespaced, kind, verbs, shortNames, hasScale, inAll } = resource;
  const scale = {
    name: `${plural}/scale`,
    singularName: "",
    namespaced,
    group: "autoscaling",
    version: "v1",
    kind: "Scale",
    verbs: ["get", "patch"],
  };
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs,
      shortNames,
      ...(inAll === true ? { categories: ["all"] } : {}),
    },
    ...(hasScale === true ? [scale] : []),
  ];
}
