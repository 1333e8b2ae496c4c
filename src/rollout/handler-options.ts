/** A cancellation of the invocation is for the handler to act on: its Deploys in flight are left to finish. */
export const HANDLES_CANCELLATION = { explicitCancellation: true };

/** Asked again and again, and of no interest later: it leaves the list of invocations when it is done. */
export const NOT_KEPT = { journalRetention: 0 };

export interface HandlerOptions {
  explicitCancellation?: boolean;
  journalRetention?: number;
  idempotencyRetention?: number;
}
