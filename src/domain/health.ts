/** How the sentinels stand that a rollout soaks; what is unhealthy has fewer available replicas than it is to have. */

export interface HealthCount {
  total: number;
  unhealthy: number;
}

/** Those on the image, and those that wait for it: the rollout's control group. */
export interface HealthPair {
  updated: HealthCount;
  notUpdated: HealthCount;
}

export interface HealthSurvey extends HealthPair {
  /** By region; what is under way counts nowhere. */
  regions: Record<string, HealthPair>;
  /** Clusters that do not answer, or are not in sync: their sentinels count nowhere. */
  unseen: string[];
}

/** A sentinel that came up with the image, and is no longer as it should be. */
export interface Regression {
  id: string;
  /** Unix ms. */
  sinceMs: number;
  /** One clause for a person. */
  why: string;
}
