import { bigint, index, int, mysqlEnum, mysqlTable, unique, varchar } from "./drizzle.ts";

/** The fleet, one row a sentinel. The control plane owns the table; this service writes only the columns marked with a writer. */
export const sentinels = mysqlTable(
  "sentinels",
  {
    // Identity
    pk: bigint("pk", { mode: "number", unsigned: true }).autoincrement().primaryKey(),
    id: varchar("id", { length: 64 }).notNull().unique("sentinels_id"),
    workspaceId: varchar("workspace_id", { length: 255 }).notNull(),
    projectId: varchar("project_id", { length: 255 }).notNull(),
    environmentId: varchar("environment_id", { length: 255 }).notNull(),
    regionId: varchar("region_id", { length: 255 }).notNull(),
    k8sName: varchar("k8s_name", { length: 64 }).notNull().unique("sentinels_k8s_name"),
    k8sAddress: varchar("k8s_address", { length: 255 }).notNull().unique("sentinels_k8s_address"),

    // Desired: what the sentinel should be. Deploy writes the image, the resources and the replicas.
    desiredState: mysqlEnum("desired_state", ["running", "standby", "archived"]).notNull().default("running"),
    image: varchar("image", { length: 255 }).notNull(),
    desiredReplicas: int("desired_replicas").notNull(),
    cpuMillicores: int("cpu_millicores").notNull(),
    memoryMib: int("memory_mib").notNull(),

    // Observed: what Kubernetes was last seen to run. The watcher writes these, and Deploy as it ends.
    runningImage: varchar("running_image", { length: 255 }).notNull().default(""),
    health: mysqlEnum("health", ["unknown", "paused", "healthy", "unhealthy"]).notNull().default("unknown"),
    availableReplicas: int("available_replicas").notNull().default(0),

    // Lifecycle of the latest deploy. Only Deploy writes these; updated_at (unix ms) dates the deploy.
    deployStatus: mysqlEnum("deploy_status", ["idle", "progressing", "ready", "failed"])
      .notNull()
      .default("idle"),
    deployError: varchar("deploy_error", { length: 1024 }),
    createdAt: bigint("created_at", { mode: "number" }).notNull(),
    updatedAt: bigint("updated_at", { mode: "number" }),
  },
  (table) => [
    unique("sentinels_environment_region").on(table.environmentId, table.regionId),
    // Candidates are read in pages of one desired state, by id.
    index("sentinels_desired_state_id").on(table.desiredState, table.id),
  ],
);

/** For the control plane alone: no statement of this service names them. */
export const CONTROL_PLANE_COLUMNS: ReadonlySet<string> = new Set(
  [
    sentinels.pk,
    sentinels.workspaceId,
    sentinels.projectId,
    sentinels.environmentId,
    sentinels.k8sAddress,
    sentinels.createdAt,
  ].map(({ name }) => name),
);
