/** All that the checker goes by: where to look, and what was done to the system. It knows nothing of the service's code. */
export interface Evidence {
  admin: string;
  ingress: string;
  databaseUrl: string;
  kubeconfig: string;
  namespace: string;
  /** Lists the messages that Slack took, as JSON. */
  slackUrl: string;
  /** Every PATCH that the Kubernetes API was asked for, in order. */
  patches: { url: string; body: string; atMs: number; status?: number }[];
  logFiles: string[];
  /** By name; none of them may be found anywhere. */
  secrets: Record<string, string>;
  /** What operators asked for, in order. */
  verbs: Verb[];
  troubles: Trouble[];
  /** Sentinels that somebody else changed. */
  meddled: Set<string>;
  /** Of them those that somebody moved to an image of their own, and to which. */
  hotfixes: Map<string, string>;
  /** Those that break after they came up. */
  broken: Set<string>;
  /** So long (ms) one is without its replicas before it counts as regressed. */
  regressionMs: number;
}

/** For so long (unix ms) a Deployment, on this image and not being rolled, had fewer available replicas than it is to have. */
export interface Outage {
  name: string;
  image: string | undefined;
  fromMs: number;
  /** Absent: it still has. */
  toMs?: number;
}

export interface Verb {
  name:
    | ("Rollout" | "Resume" | "RetryFailed" | "Cancel" | "RollbackAll")
    | ("Pause" | "Abort" | "Freeze" | "Unfreeze");
  body: unknown;
  askedMs: number;
  answeredMs?: number;
  status?: number;
  answer?: { state?: string; [field: string]: unknown };
}

export interface Trouble {
  name: string;
  atMs: number;
  /** So many patches of one sentinel more it explains. */
  losesAnswers: number;
  /** A message that was under way may be sent once more. */
  crashes: boolean;
}

export interface Row {
  id: string;
  k8s_name: string;
  image: string;
  running_image: string;
  desired_state: string;
  deploy_status: string;
  deploy_error: string | null;
  desired_replicas: number;
  health: string;
}

/** A call of a verb that changes something, as the history keeps it. */
export interface PastAction {
  verb: string;
  comment: string | null;
  refused: string | null;
}

export interface PastRollout {
  image: string;
  state: string;
  wave: number;
  total: number;
  succeeded: number;
  failed: number;
  skipped: number;
  reverted: number;
  ended_at: number | null;
}

export interface PastOutcome {
  sentinel_id: string;
  wave: number;
  outcome: string;
  reason: string | null;
}
